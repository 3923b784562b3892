"""What the one writer of results does with whatever is at the path."""

import csv
import errno
import io
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_seq2seq import files
from open_seq2seq.errors import RunError
from open_seq2seq.files import (
    check_folder,
    check_writable,
    csv_line,
    replaced,
    result_stream,
    write_csv,
    write_whole,
)

ROOT = os.geteuid() == 0


def stream_whole(path, content):
    with result_stream(path) as stream:
        stream.write(content[:3])
        stream.write(content[3:])


def through_draft(path, content):
    with replaced(path) as draft:
        draft.write_bytes(content.encode())


def _unprivileged(function):
    """Runs a function as a user who may not do everything; returns its exception's text or ''."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if ROOT:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            function()
            text = ""
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(write, text.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read().decode()


@pytest.fixture
def shared(tmp_path):
    """A folder that the unprivileged user reaches (pytest's are private)."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def only(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("write", [write_whole, stream_whole])
class TestWhatIsThere:
    def test_a_new_file_gets_the_usual_rights_and_its_folder(self, tmp_path, write):
        write(tmp_path / "a/b/new.txt", "content")
        before = os.umask(0)
        os.umask(before)
        target = tmp_path / "a/b/new.txt"
        assert target.read_text() == "content" and only(target.parent) == ["new.txt"]
        assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~before

    def test_an_old_file_keeps_its_rights(self, tmp_path, write):
        target = tmp_path / "old.txt"
        target.write_text("a much longer old content")
        target.chmod(0o640)
        write(target, "content")
        assert target.read_text() == "content" and only(tmp_path) == ["old.txt"]
        assert stat.S_IMODE(target.stat().st_mode) == 0o640

    @pytest.mark.parametrize("there", [True, False])
    def test_a_link_stays_and_its_target_is_written(self, tmp_path, write, there):
        (tmp_path / "data").mkdir()
        if there:
            (tmp_path / "data/target.txt").write_text("old")
        (tmp_path / "first").symlink_to("data/second")
        (tmp_path / "data/second").symlink_to(tmp_path / "data/target.txt")
        write(tmp_path / "first", "content")
        assert (tmp_path / "first").is_symlink() and (tmp_path / "data/second").is_symlink()
        assert (tmp_path / "data/target.txt").read_text() == "content"
        assert not (tmp_path / "data/target.txt").is_symlink()
        assert only(tmp_path / "data") == ["second", "target.txt"]

    def test_hard_links_stay_together(self, tmp_path, write):
        one, other = tmp_path / "one", tmp_path / "other"
        one.write_text("a much longer old content")
        os.link(one, other)
        write(one, "content")
        assert other.read_text() == "content" and one.samefile(other)
        write(one, "a content that is longer than it was")
        assert other.read_text() == "a content that is longer than it was"
        assert only(tmp_path) == ["one", "other"]

    def test_a_fifo_is_written_and_stays(self, tmp_path, write):
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        got = []
        reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
        reader.start()
        write(fifo, "content")
        reader.join()
        assert got == ["content"] and fifo.is_fifo() and only(tmp_path) == ["fifo"]

    def test_a_socket_is_written_and_stays(self, tmp_path, write, monkeypatch):
        monkeypatch.chdir(tmp_path)  # names of sockets are short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
            server.listen(1)
            write("socket", "content")
            connection, _ = server.accept()
            with connection:
                assert connection.recv(100) == b"content"
        assert Path("socket").is_socket()
        with pytest.raises(RunError, match="nobody listens there"):
            write("socket", "content")

    @pytest.mark.skipif(not ROOT, reason="only root may make devices")
    def test_a_device_is_written_and_stays(self, tmp_path, write):
        for name, minor in (("null", 3), ("full", 7)):
            try:
                os.mknod(tmp_path / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
                open(tmp_path / name, "wb").close()
            except PermissionError:
                pytest.skip("this container has no devices")
        (tmp_path / "link").symlink_to("null")
        write(tmp_path / "null", "content")
        write(tmp_path / "link", "content")
        with pytest.raises(RunError, match=r"full could not be written: there is no space left"):
            write(tmp_path / "full", "content")
        assert only(tmp_path) == ["full", "link", "null"]
        assert all((tmp_path / name).is_char_device() for name in only(tmp_path))
        assert (tmp_path / "link").is_symlink()

    def test_the_systems_full_device_says_that_the_disk_is_full(self, write):
        said = _unprivileged(lambda: write("/dev/full", "content"))  # root might replace it
        assert said.startswith("RunError: /dev/full could not be written: ") and "free some" in said

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("/dev/fd/1", "file"), ("/proc/self/fd/1", "pipe"), ("link", "file"), ("link", "pipe")],
    )
    def test_standard_output_is_printed_to(self, tmp_path, write, name, kind):
        (tmp_path / "stdout").symlink_to("/proc/self/fd/1")  # as /dev/stdout is
        (tmp_path / "link").symlink_to("stdout")
        program = (
            "import sys\n"
            "from open_seq2seq.files import write_whole, result_stream\n"
            "print('before')\n"
            + (
                "write_whole(sys.argv[1], 'content\\n')\n"
                if write is write_whole
                else "with result_stream(sys.argv[1]) as stream:\n    stream.write('content\\n')\n"
            )
            + "print('after')\n"
        )
        command = [sys.executable, "-c", program, name]
        output = tmp_path / "output"
        if kind == "pipe":
            text = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout
        else:
            with open(output, "wb") as file:
                file.write(b"earlier\n")
                file.flush()
                subprocess.run(command, cwd=tmp_path, stdout=file, check=True)
            text = output.read_bytes().removeprefix(b"earlier\n")
        assert text == b"before\ncontent\nafter\n"
        assert (tmp_path / "link").is_symlink() and (tmp_path / "stdout").is_symlink()
        assert set(only(tmp_path)) <= {"link", "output", "stdout"}

    def test_a_file_in_a_folder_that_can_only_be_read_is_written(self, shared, write):
        target = shared / "file"
        target.write_text("a much longer old content")
        target.chmod(0o666)
        shared.chmod(0o555)
        before = set(Path("/tmp").glob("open_seq2seq_*"))
        assert _unprivileged(lambda: write(target, "content")) == ""
        assert target.read_text() == "content" and only(shared) == ["file"]
        assert set(Path("/tmp").glob("open_seq2seq_*")) == before

    def test_a_protected_file_is_left_alone(self, shared, write):
        target = shared / "file"
        target.write_text("old")
        target.chmod(0o444)
        said = _unprivileged(lambda: write(target, "content"))
        assert said.startswith(f"RunError: {target} could not be written: this user may not")
        assert target.read_text() == "old" and only(shared) == ["file"]

    def test_a_folder_of_others_is_refused(self, shared, write):
        shared.chmod(0o555)
        said = _unprivileged(lambda: write(shared / "new", "content"))
        assert said.startswith(f"RunError: {shared / 'new'} could not be written: this user may")

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("folder", "it is a folder; add a file's name"), ("n" * 300, "its name is too long"),
         ("file/x", "file is a file, not a folder"), ("file/x/y", "file is a file, not a folder"),
         ("circle", "a link in a circle"), ("a\0b", "no file's name")],
    )  # fmt: skip
    def test_what_is_no_place_for_a_file_is_said(self, tmp_path, write, name, reason):
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("old")
        (tmp_path / "circle").symlink_to("circle")
        before = only(tmp_path)
        for attempt in (lambda: check_writable(tmp_path / name),
                        lambda: write(tmp_path / name, "content")):  # fmt: skip
            with pytest.raises(RunError, match=reason) as caught:
                attempt()
            assert str(caught.value).startswith(f"{tmp_path / name} could not be written: ")
        assert only(tmp_path) == before and (tmp_path / "file").read_text() == "old"

    def test_a_name_as_long_as_names_may_be(self, tmp_path, write):
        target = tmp_path / ("ẹ" * 85)  # 255 bytes
        write(target, "content")
        assert target.read_text() == "content" and len(only(tmp_path)) == 1

    def test_a_full_disk_leaves_the_old_file_and_no_draft(self, tmp_path, write, monkeypatch):
        target = tmp_path / "file"
        target.write_text("old")

        def full(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match="there is no space left on its disk; free some"):
            write(target, "content")
        assert target.read_text() == "old"
        # A stream keeps what it could write.
        assert only(tmp_path) == ["file", *(["file.partial"] if write is stream_whole else [])]


@pytest.mark.parametrize("refusal", [errno.EBUSY, errno.EPERM])
def test_a_file_that_cannot_be_renamed_to_is_written_in_place(tmp_path, monkeypatch, refusal):
    """A file that is mounted on its own in a container; another user's in /tmp."""
    target = tmp_path / "file"
    target.write_text("a much longer old content")
    inode = target.stat().st_ino

    def refused(source, target):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "replace", refused)
    for write in (write_whole, stream_whole, through_draft):
        write(target, f"by {write.__name__}")
        assert target.read_text() == f"by {write.__name__}"
    assert target.stat().st_ino == inode and only(tmp_path) == ["file"]


def test_a_file_with_hard_links_is_not_emptied_for_a_content_without_room(tmp_path, monkeypatch):
    one = tmp_path / "one"
    one.write_text("old")
    os.link(one, tmp_path / "other")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(RunError, match="no space left"):
        write_whole(one, "a longer content")
    assert one.read_text() == "old" and only(tmp_path) == ["one", "other"]


def test_a_new_private_file_is_never_public(tmp_path):
    target = tmp_path / "private"
    target.write_text("old")
    target.chmod(0o600)
    with replaced(target) as draft:
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    with result_stream(target) as stream:
        assert stat.S_IMODE(stream.draft.stat().st_mode) == 0o600


def test_a_failed_block_leaves_the_file_as_it_was(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), replaced(target) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    assert target.read_text() == "old" and only(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, RunError])
def test_an_unfinished_stream_keeps_what_was_written(tmp_path, error):
    target, said = tmp_path / "out.csv", []
    target.write_text("old")
    for attempt in ("", "-2"):
        with pytest.raises(error), result_stream(target, said.append) as stream:
            stream.write("row 1\n")
            assert (tmp_path / f"out.csv.partial{attempt}").read_text() == "row 1\n"  # a kill, here
            stream.write(b"row 2\n")
            raise error("x")
        kept = tmp_path / f"out.csv.partial{attempt}"
        assert kept.read_text() == "row 1\nrow 2\n"
        assert str(kept) in said[-1] and "12 bytes" in said[-1] and str(target) in said[-1]
    assert target.read_text() == "old"
    stream_whole(target, "content")
    assert target.read_text() == "content"
    assert only(tmp_path) == ["out.csv", "out.csv.partial", "out.csv.partial-2"]


def test_a_stream_that_ends_before_anything_was_written_leaves_nothing(tmp_path):
    said = []
    with pytest.raises(ValueError), result_stream(tmp_path / "out.csv", said.append):
        raise ValueError
    assert only(tmp_path) == [] and said == []


def test_a_reader_that_has_gone_is_said(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: open(fifo).close())
    reader.start()
    with pytest.raises(RunError, match="whoever read it has gone"), result_stream(fifo) as stream:
        reader.join()
        for _ in range(100):
            stream.write(b"x" * 100_000)
    assert only(tmp_path) == ["fifo"]


def test_checks_leave_nothing_and_do_not_open_a_fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("old")
    for name in ("fifo", "file", "new", "a/b/new", "/dev/null", "/dev/stdout"):
        check_writable(tmp_path / name)
    for name in ("new", "a/b/new", "."):
        check_folder(tmp_path / name)
    assert only(tmp_path) == ["fifo", "file"] and (tmp_path / "file").read_text() == "old"
    with pytest.raises(RunError, match="file is a file, not a folder"):
        check_folder(tmp_path / "file")
    with pytest.raises(RunError, match="file is a file, not a folder"):
        check_folder(tmp_path / "file/below")
    assert only(tmp_path) == ["fifo", "file"]


def test_checks_know_rights(shared):
    shared.chmod(0o555)
    for check in (check_writable, check_folder):
        assert "this user may not write there" in _unprivileged(lambda c=check: c(shared / "new"))
    (shared / "file").write_text("")
    (shared / "file").chmod(0o666)
    assert _unprivileged(lambda: check_writable(shared / "file")) == ""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOENT, errno.EIO])
def test_each_refusal_has_its_sentence(code):
    text = str(files.unwritable("/a/b", OSError(code, os.strerror(code))))
    assert text.startswith("/a/b could not be written: ") and os.strerror(code) in text
    assert ("free some" in text) == (code == errno.ENOSPC)  # advice on space where that is amiss
    assert "Errno" not in text


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.integers()


@given(st.lists(st.lists(cells, min_size=1, max_size=4), min_size=1, max_size=5))
def test_a_csv_is_read_as_it_was_written(rows):
    text = "".join(map(csv_line, rows))
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert read == [[str(cell) for cell in row] for row in rows]


@pytest.mark.parametrize("newline", ["\r", "\n", "\r\n", "\n\r"])
def test_line_ends_within_a_cell_are_kept(tmp_path, newline):
    text = f"one{newline}two"
    write_csv(tmp_path / "a.csv", [{"name": "a", "text": text}, {"name": "b", "text": "c"}])
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["name", "text"], ["a", text], ["b", "c"]]


def test_rows_of_another_kind_are_refused(tmp_path):
    with pytest.raises(ValueError, match="surprise"):
        write_csv(tmp_path / "a.csv", [{"a": 1}, {"a": 2, "surprise": 3}])


def test_file_names_of_any_bytes_can_be_written_about(tmp_path):
    write_whole(tmp_path / "list", os.fsdecode(b"caf\xe9.wav"))
    assert (tmp_path / "list").read_text() == "caf\\udce9.wav"
    target = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    stream_whole(target, "content")
    assert target.read_text() == "content"
