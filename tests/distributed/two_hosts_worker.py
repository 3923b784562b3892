"""Notes which worker this is and where, then becomes `run.py`.

two_hosts_worker.py FOLDER run.py ARGUMENTS...
"""

import json
import runpy
import socket
import sys
from pathlib import Path

import horovod.tensorflow as hvd

folder, sys.argv = Path(sys.argv[1]), sys.argv[2:]
hvd.init()
place = {
    "host": socket.gethostname(),
    "size": hvd.size(),
    "local_rank": hvd.local_rank(),
    "local_size": hvd.local_size(),
}
(folder / f"rank{hvd.rank()}.json").write_text(json.dumps(place))
runpy.run_path(sys.argv[0], run_name="__main__")
