"""What Linux says about the CPU."""

import pytest

from ctc_decoder_with_lm.cpu import cpu_flags
from open_seq2seq.native_build.cpu import cpu_name, supports_bfloat16

X86 = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 {}\n"


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        (X86.format("avx512_bf16"), True),
        (X86.format("amx_bf16"), True),
        (X86.format("avx512f"), False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("", False),
    ],
)
def test_bfloat16_is_found_in_the_flags(monkeypatch, tmp_path, text, supported):
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    assert supports_bfloat16(str(path)) is supported


def test_without_the_file(tmp_path):
    missing = str(tmp_path / "missing")
    assert cpu_flags(missing) == frozenset()
    assert not supports_bfloat16(missing)
    assert isinstance(cpu_name(missing), str)


def test_name(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(X86.format(""))
    assert cpu_name(str(path)) == "Some CPU"
