"""Two hosts on one machine: network namespaces, a cable between them, and an sshd in each.

Each has its own name, address, interfaces, `/etc/hosts` and ssh settings; files, users and
process numbers are the machine's. It needs root and the right to make namespaces.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

NAMES = ("alpha", "beta")
ADDRESSES = ("192.168.77.1", "192.168.77.2")
TOOLS = ("ip", "unshare", "hostname", "ssh", "ssh-keygen", "sshd")
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
# Who lands here has the other's key already.
SSH_CONFIG = """
Host alpha beta
  IdentityFile {folder}/user_key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
"""
SSHD_CONFIG = """
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
"""


class NotPossible(Exception):
    """This machine, or this user, cannot have network namespaces; says why."""


def _tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=SBIN)
    if found is None:
        raise NotPossible(f"{name} is not installed (Debian: iproute2, openssh-server)")
    return found


def _make(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPossible(f"{' '.join(command)}: {done.stderr.strip()}")


class Host:
    """One of the two.

    Args:
      name: its host name, which both can look up.
      namespace: of the network, unique on the machine.
    """

    def __init__(self, name: str, namespace: str):
        self.name = name
        self.namespace = namespace

    def command(self, *command: str) -> list[str]:
        """`command` as it runs on this host."""
        named = 'hostname "$0" && exec "$@"'
        inside = ["unshare", "--uts", "sh", "-c", named, self.name, *command]
        return [_tool("ip"), "netns", "exec", self.namespace, *inside]

    def run(self, *command: str, timeout: float = 600) -> subprocess.CompletedProcess:
        """Waits for it; a process that hangs is killed with all it started here."""
        process = subprocess.Popen(
            self.command(*command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"no end in {timeout} s:\n{process.communicate()[0]}") from error
        return subprocess.CompletedProcess(command, process.returncode, output)

    def sent(self) -> int:
        """Bytes that have left over the cable."""
        return int(self.run("cat", "/sys/class/net/eth0/statistics/tx_bytes").stdout)

    def stop(self) -> None:
        """Kills all that runs here."""
        for _ in range(100):
            pids = subprocess.run(
                [_tool("ip"), "netns", "pids", self.namespace], capture_output=True, text=True
            ).stdout.split()
            if not pids:
                return
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.05)


@contextmanager
def two_hosts(folder: Path, private: Sequence[Path] = ()) -> Iterator[tuple[Host, Host]]:
    """The hosts, able to ssh into each other, until the end of the `with`.

    Args:
      folder: for keys and logs.
      private: folders of which the second host has its own, empty, where the first one's files
        do not appear.

    Raises:
      NotPossible: there is no right to make them, or a tool is missing.
    """
    if os.geteuid() != 0:
        raise NotPossible("network namespaces need root")
    tools = {name: _tool(name) for name in TOOLS}
    hosts = tuple(Host(name, f"{name}-{os.getpid()}") for name in NAMES)
    with ExitStack() as stack:
        for host in hosts:
            _make("ip", "netns", "add", host.namespace)
            stack.callback(subprocess.run, ["ip", "netns", "delete", host.namespace], check=False)
            # `ip netns exec` lays these over /etc.
            settings = Path("/etc/netns", host.namespace)
            stack.callback(shutil.rmtree, settings, ignore_errors=True)
            (settings / "ssh").mkdir(parents=True)
            names = ["127.0.0.1 localhost", *(f"{a} {n}" for a, n in zip(ADDRESSES, NAMES))]
            (settings / "hosts").write_text("\n".join(names) + "\n")
            (settings / "ssh/ssh_config").write_text(SSH_CONFIG.format(folder=folder))
        first, second = hosts
        _make("ip", "link", "add", "eth0", "netns", first.namespace, "type", "veth",
              "peer", "name", "eth0", "netns", second.namespace)  # fmt: skip
        for host, address in zip(hosts, ADDRESSES):
            for line in (
                "link set lo up",
                "link set eth0 up",
                f"address add {address}/24 dev eth0",
            ):
                _make("ip", "-netns", host.namespace, *line.split())
            _make(*host.command("true"))
        for key in ("host_key", "user_key"):
            _make("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd starts only where this is.
        mounts = [f"mount -t tmpfs tmpfs '{path}'" for path in private]
        for host, address in zip(hosts, ADDRESSES):
            config = folder / f"{host.name}.sshd_config"
            config.write_text(SSHD_CONFIG.format(address=address, folder=folder))
            sshd = [tools["sshd"], "-D", "-E", str(folder / f"{host.name}.log"), "-f", str(config)]
            if host is second and mounts:
                sshd = ["sh", "-c", " && ".join([*mounts, 'exec "$0" "$@"']), *sshd]
            stack.callback(host.stop)
            stack.enter_context(subprocess.Popen(host.command(*sshd)))
        stack.callback(lambda: [host.stop() for host in hosts])
        _wait_for(hosts, folder)
        yield first, second


def _wait_for(hosts: Sequence[Host], folder: Path) -> None:
    """Until each can run a command on the other."""
    deadline = time.monotonic() + 300  # a hang is a failure
    for here, there in (hosts, hosts[::-1]):
        while (done := here.run("ssh", there.name, "hostname")).stdout.strip() != there.name:
            if time.monotonic() > deadline:
                log = (folder / f"{there.name}.log").read_text()
                raise AssertionError(f"ssh {there.name}: {done.stdout}\n{log}")
            time.sleep(0.1)
