"""Shards: tar files with many recordings, as WebDataset has them, and an index beside each.

The index is a manifest of Arrow's (`table_manifest`) whose column `place` says where in the tar
each recording is: `shard-000001.tar:1536+230400`, its first byte and the number of its bytes. Such
a place is read like a file (`place`).
"""
