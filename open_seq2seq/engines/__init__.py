"""Work on parts of a corpus by an engine: processes of this machine, Dask or Ray on many.

`make_engine` gives one, `run_parts` the results of all parts as files of Parquet, each part once.
"""

from open_seq2seq.engines.engine import Engine
from open_seq2seq.engines.make import ENGINES, make_engine
from open_seq2seq.engines.parts import PartsJob, read_rows, run_parts

__all__ = ["ENGINES", "Engine", "PartsJob", "make_engine", "read_rows", "run_parts"]
