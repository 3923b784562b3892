"""The processes that train one model together, and what Horovod is to them."""
