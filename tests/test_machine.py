"""The machine model: shipped data, a user's own, what a malformed one is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncheck.machine import MACHINES, Machine, MachineError, load, loads

HERE = Path(__file__).parent
NAMES = (HERE / "data_isa_names.txt").read_text(encoding="utf-8").splitlines()
A2A3 = 'extends = "a2a3"\n'
PIPES = "S V M MTE1 MTE2 MTE3 FIX"


@pytest.fixture(scope="module", params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Machine:
    return load(request.param)


def test_every_row_resolves(machine: Machine) -> None:
    for op in machine.ops():
        variants = machine.variants(op)
        assert variants, op
        for variant in variants:
            assert variant.source, op
            assert variant.confidence in ("certain", "likely"), op
            assert not re.match(r"(pto|asc|c220|c310):", variant.source), op
            for step in variant.steps:
                assert step.pipe in (*PIPES.split(), "ALL"), op
                assert not ((step.barrier or step.to) and (step.reads or step.writes)), op


def test_every_row_is_what_its_own_operands_find(machine: Machine) -> None:
    for op in machine.ops():
        for variant in machine.variants(op):
            if variant.kind in ("sync", "fifo", "absent") or not variant.spaces:
                continue
            width = max((*variant.nargs, variant.spaces[-1][0] + 1))
            spaces: list[str | None] = [None] * width
            for index, allowed in variant.spaces:
                spaces[index] = min(allowed)
            found = machine.find(op, spaces)
            assert found is not None, (op, spaces)
            assert found.nargs == () or width in found.nargs


def test_every_name_of_the_survey_is_covered() -> None:
    known = {op for name in MACHINES for op in load(name).ops()}
    families = {"pto_copy_*": "pto_copy_gm_to_ubuf", "pto_load_*": "pto_load_cbuf_to_ca"}
    families["pto_create_*"] = "pto_create_cbuf_matrix"
    missing = [name for name in NAMES if name not in known and not load("a2a3").variants(families.get(name, name))]
    assert missing == []
    assert len(NAMES) == 537


def test_the_data_passes_the_check_that_a_user_model_gets() -> None:
    for name in MACHINES:
        text = (HERE.parent / "syncheck" / "machines" / f"{name}.toml").read_text(encoding="utf-8")
        own = "\n".join(line for line in text.splitlines() if not line.startswith("extends"))
        assert loads(f'extends = "{name}"\n' + own, f"{name}.toml").name == name
    foundation = (HERE.parent / "syncheck" / "machines" / "ascend.toml").read_text(encoding="utf-8")
    assert loads(A2A3 + foundation, "ascend.toml").name == "ascend"


def test_every_fact_has_a_source(machine: Machine) -> None:
    tables = (machine.spaces, machine.hidden, machine.flag_pairs, machine.fifo)
    assert all(row.source for table in tables for row in table.values())
    assert all(option.source for option in machine.option_table)
    assert all(row.source for row in (*machine.reserved_events, *machine.reserved_cross))
    assert {"pipes", "in_order", "events", "cross", "mad", "same_pipe.V"} <= set(machine.sources)


def steps(machine: Machine, op: str, *spaces: str | None) -> list[str]:
    variant = machine.find(op, spaces)
    assert variant is not None
    return [
        f"barrier {s.barrier}" if s.barrier else f"{s.pipe} => {s.to}" if s.to
        else f"{s.pipe}.{s.suffix} {','.join(s.reads)} > {','.join(s.writes)}"
        for s in variant.steps
    ]  # fmt: skip


@pytest.mark.parametrize("op", ["TROWMAX", "TROWSUM", "TROWMIN", "TROWPROD"])
def test_row_reductions_fold_into_tmp_and_end_with_a_barrier(op: str) -> None:
    expected = ["V.fold 1 > 2", "barrier V", "V.reduce 2 > 0", "barrier V"]
    assert steps(load("a2a3"), op, "UB", "UB", "UB") == expected
    assert steps(load("a5"), op, "UB", "UB", "UB") == ["V. 1,2 > 0,2"]


@pytest.mark.parametrize("op", ["SUB", "MUL", "DIV", "ADD", "MAX", "MIN", "EXPDIF"])
def test_row_expansion_goes_through_hidden_scratch(op: str) -> None:
    machine = load("a2a3")
    expected = ["V.vbrcb 2 > hidden:TMP_UB", "barrier V", "V.bin 1,hidden:TMP_UB > 0"]
    assert steps(machine, f"TROWEXPAND{op}", "UB", "UB", "UB") == expected
    scratch = machine.hidden["TMP_UB"]
    assert (scratch.space, scratch.start, scratch.stop, scratch.bytes_per_row) == ("UB", 0x2E000, 0x30000, 32)


@pytest.mark.parametrize(
    ("op", "spaces", "expected"),
    [
        ("TLOAD", ("UB", "GM"), "MTE2. 1 > 0"),
        ("TLOAD", ("L1", "GM"), "MTE2. 1 > 0"),
        ("TSTORE", ("GM", "UB"), "MTE3. 1 > 0"),
        ("TSTORE", ("GM", "L0C"), "FIX. 1 > 0"),
        ("TMOV", ("L0A", "L1"), "MTE1. 1 > 0"),
        ("TMOV", ("L1", "L0C"), "FIX. 1 > 0"),
        ("TMOV", ("UB", "UB"), "V. 1 > 0"),
        ("TMATMUL", ("L0C", "L0A", "L0B"), "M. 1,2 > 0"),
        ("TMATMUL_ACC", ("L0C", "L0A", "L0B"), "M. 0,1,2 > 0"),
        ("TADDS", ("UB", "UB", None), "V. 1 > 0"),
        ("TDIVS", ("UB", "UB", None), "V. 1 > 0"),
        ("TDIVS", ("UB", None, "UB"), "V. 2 > 0"),
        ("TCVT", ("UB", "UB", None), "V. 1 > 0"),
        ("TCVT", ("UB", "UB", "UB", None), "V. 1,2 > 0,2"),
        ("TCI", ("UB", None), "S.  > 0"),
        ("TCI", ("UB", None, "UB"), "V. 2 > 0,2"),
        ("pto_copy_gm_to_ubuf", ("UB", "GM", None, None), "MTE2. 1 > 0"),
        ("set_atomic_f16", (), "S.  > "),
    ],
)
def test_the_operand_spaces_choose_the_row(op: str, spaces: tuple[str | None, ...], expected: str) -> None:
    assert steps(load("a2a3"), op, *spaces) == [expected]


@pytest.mark.parametrize(
    ("op", "spaces"),
    [
        ("TNOSUCH", ("UB",)),
        ("TADD", ("UB", "UB")),
        ("TADD", ("UB", "UB", "L1")),
        ("TMOV", ("UB", "L0C")),
        ("TMOV", (None, None)),
        ("TADDC", ("UB", "UB", "UB", "UB")),
        ("TPUSH", ("GM", "L0C")),
        ("set_flag", (None, None, None)),
    ],
)
def test_no_row_fits(op: str, spaces: tuple[str | None, ...]) -> None:
    assert load("a2a3").find(op, spaces) is None


def test_what_is_no_instruction_says_so() -> None:
    machine = load("a2a3")
    assert [v.kind for v in machine.variants("TADDC")] == ["absent"]
    assert not machine.variants("TADDC")[0].available
    assert [v.kind for v in machine.variants("TPOP")] == ["fifo"]
    assert machine.find("TASSIGN", ("UB", None)) is not None
    assert machine.variants("TASSIGN")[0].steps == ()
    assert machine.variants("TNOSUCH") == ()
    assert machine.nearest_op("TLOAAD") == "TLOAD"
    assert machine.nearest_op("tstore") == "TSTORE"


def test_steps_on_two_pipes_are_joined_by_an_inner_flag() -> None:
    expected = ["MTE2. 1 > 2", "MTE2 => MTE3", "MTE3. 2 > 0", "MTE3 => MTE2"]
    assert steps(load("a2a3"), "TPUT", "GM", "GM", "UB") == expected


def test_hidden_flags_are_those_of_the_machine() -> None:
    found = load("a2a3").find("TDIVS", ("UB", "UB", None))
    assert found is not None
    assert [(f.src, f.dst, f.event) for f in found.flags] == [("S", "V", 0), ("V", "S", 0)]
    found = load("a5").find("TDIVS", ("UB", "UB", None))
    assert found is not None
    assert [(f.src, f.dst, f.event) for f in found.flags] == [("V", "S", 0)]


@pytest.mark.parametrize(
    ("name", "core", "src", "dst", "status"),
    [
        ("a2a3", "AIC", "MTE2", "MTE1", "legal"),
        ("a2a3", "AIC", "FIX", "S", "accepted"),
        ("a2a3", "AIC", "MTE2", "FIX", "undocumented"),
        ("a2a3", "AIC", "S", "M", "illegal"),
        ("a2a3", "AIV1", "V", "MTE3", "legal"),
        ("a2a3", "AIV", "V", "V", "illegal"),
        ("a2a3", "AIV", "M", "V", "illegal"),
        ("a5", "AIC", "FIX", "S", "legal"),
        ("a5", "AIC", "MTE3", "S", "illegal"),
    ],
)
def test_flag_pairs(name: str, core: str, src: str, dst: str, status: str) -> None:
    pair = load(name).pair(core, src, dst)
    assert pair is not None
    assert pair.status == status


def test_every_pair_of_pipes_of_a_core_is_known(machine: Machine) -> None:
    for core, pipes in machine.pipes.items():
        assert all(machine.pair(core, src, dst) for src in pipes for dst in pipes)
    assert machine.pair("AIC", "S", "MTE9") is None


def test_memory_ids_and_severities() -> None:
    a2a3, a5 = load("a2a3"), load("a5")
    assert (a2a3.spaces["UB"].bytes, a5.spaces["UB"].bytes) == (192 * 1024, 256 * 1024)
    assert (a2a3.spaces["UB"].core, a2a3.spaces["L0C"].core) == ("AIV", "AIC")
    assert "L0A_SCALE" in a5.spaces
    assert "L0A_SCALE" not in a2a3.spaces
    assert "MTE3" in a2a3.pipes["AIC"]
    assert "MTE3" not in a5.pipes["AIC"]
    assert (a2a3.event_ids, a2a3.cross_ids, a2a3.counter_limit) == ((0, 7), (0, 15), 15)
    assert [(r.low, r.high) for r in (*a2a3.reserved_events, *a2a3.reserved_cross)] == [(6, 7), (11, 14)]
    assert (a2a3.cross_wait, a2a3.cross_modes, a2a3.intra_ids) == ("S", (0, 1, 2), None)
    assert (a5.cross_wait, a5.cross_modes, a5.intra_ids) == ("pipe", (0, 1, 2, 4), (0, 31))
    assert (a2a3.in_order, a5.in_order) == (frozenset("S"), frozenset("SV"))
    assert [a2a3.same_pipe["V", h] for h in ("RAW", "WAR", "WAW")] == ["error", "info", "error"]
    assert {a5.same_pipe["V", h] for h in ("RAW", "WAR", "WAW")} == {"off"}
    assert a2a3.mad_small_tiles == 10


def test_fifo_lowering_on_a2a3() -> None:
    c2v, v2c = load("a2a3").fifo["C2V"], load("a2a3").fifo["V2C"]
    assert (c2v.producer, c2v.consumer, c2v.store, c2v.load, c2v.mode) == ("AIC", "AIV", ("FIX",), "MTE2", 2)
    handshakes = [(h.pipe, h.flag) for h in (c2v.allocate, c2v.record, c2v.wait, c2v.free)]
    assert handshakes == [("S", 1), ("FIX", 0), ("S", 0), ("MTE2", 1)]
    assert (c2v.slot_space, c2v.local_space, c2v.free_by) == ("GM", "UB", "TPOP")
    assert (v2c.producer, v2c.store, v2c.record.pipe, v2c.local_space) == ("AIV", ("MTE3",), "MTE3", "L1")
    assert [c2v.period(slots) for slots in (1, 2, 3, 4, 8)] == [1, 2, 1, 2, 4]
    assert [i for i in range(9) if c2v.push_waits(i, 4)] == [4, 6, 8]
    assert [i for i in range(8) if c2v.pop_frees(i, 4)] == [1, 3, 5, 7]
    assert c2v.credits(8) == 0


def test_fifo_lowering_on_a5() -> None:
    fifo = load("a5").fifo
    assert sorted(fifo) == ["C2V", "C2V_GM", "V2C", "V2C_GM"]
    assert (fifo["C2V"].load, fifo["C2V"].wait.pipe, fifo["C2V"].free_by) == ("", "V", "TFREE")
    assert (fifo["V2C"].slot_space, fifo["V2C"].wait.pipe, fifo["V2C"].lane_stride) == ("L1", "MTE1", 16)
    assert (fifo["C2V_GM"].load, fifo["C2V_GM"].free_by) == ("MTE2", "TPOP")
    assert fifo["V2C_GM"].free.pipe == "MTE1"
    assert fifo["C2V"].credits(8) == 4
    assert load("a5", options={"a5_tpipe_credit": "none"}).fifo["C2V"].credits(8) == 0


def test_options_change_what_the_machine_says() -> None:
    careful = load("a2a3", overrides=["acc_store=FIX+MTE3"], options={"aic_s_pairs": "doc", "mte2_waw": "off"})
    assert steps(careful, "TSTORE", "GM", "L0C") == ["FIX. 1 > 0", "MTE3. 1 > 0"]
    assert careful.fifo["C2V"].store == ("FIX", "MTE3")
    pair = careful.pair("AIC", "FIX", "S")
    assert pair is not None
    assert pair.status == "illegal"
    assert (careful.same_pipe["MTE2", "WAW"], careful.same_pipe["MTE2", "RAW"]) == ("off", "warning")
    assert load("a2a3", options={"same_pipe": "strict"}).same_pipe["V", "WAR"] == "error"
    assert set(load("a2a3", options={"same_pipe": "off"}).same_pipe.values()) == {"off"}
    assert load("a2a3", options={"v_inorder": "on"}).in_order == frozenset("SV")
    assert load("a5", options={"v_inorder": "off"}).same_pipe["V", "RAW"] == "error"
    assert steps(load("a5", options={"tmov_v_to_m": "FIX"}), "TMOV", "L1", "UB") == ["FIX. 1 > 0"]


def test_every_option_starts_at_one_of_its_values(machine: Machine) -> None:
    for option in machine.option_table:
        assert machine.options[option.name] == option.default
        assert option.default in option.values
        assert option.meaning
        assert option.source
    unread = {option.name for option in machine.option_table if not option.used_by}
    assert "acc_store" not in unread


def example() -> str:
    page = (HERE.parent / "docs" / "machines.md").read_text(encoding="utf-8")
    return page.split("```toml\n")[1].split("```")[0]


def test_the_example_of_the_documentation() -> None:
    machine = loads(example(), "docs/machines.md")
    assert machine.name == "lab"
    assert steps(machine, "TSQUARE", "UB", "UB", "UB") == ["V. 1,2 > 0"]
    assert steps(machine, "TNORM", "UB", "UB", "UB") == ["V. 1,2 > 0,2"]
    expected = ["V.fold 1 > hidden:LAB_TMP", "barrier V", "V.pack hidden:LAB_TMP > 0", "V => MTE3"]
    assert steps(machine, "TPACK", "UB", "UB") == expected
    assert steps(machine, "TPACK", "L0B", "L1") == ["MTE1. 1 > 0"]
    assert steps(machine, "TADD", "UB", "UB", "UB") == ["V. 1,2 > 0"]
    assert (machine.spaces["UB"].bytes, machine.spaces["UB"].align) == (0x20000, 32)
    assert machine.options["acc_store"] == "FIX+MTE3"
    assert machine.options["lab_mode"] == "plain"
    assert loads(example(), "x.toml", options={"acc_store": "FIX"}).options["acc_store"] == "FIX"
    pair = machine.pair("AIC", "MTE2", "FIX")
    assert pair is not None
    assert pair.status == "legal"
    assert "lab" not in load("a2a3").variants("TADD")[0].source


def test_a_model_may_extend_another_file_that_the_caller_reads() -> None:
    machine = loads('extends = "lab.toml"\nname = "two"\n', "two.toml", read=lambda path: example())
    assert (machine.name, steps(machine, "TNORM", "UB", "UB", "UB")) == ("two", ["V. 1,2 > 0,2"])


def test_a_whole_machine() -> None:
    text = """
name = "tiny"
[pipes]
AIC = ["S", "M"]
AIV = ["S", "V"]
[in_order]
pipes = ["S"]
[spaces.UB]
bytes = 1024
align = 32
core = "AIV"
[instructions]
rows = '''
TADD | tiny | V 1,2 > 0 | 0=UB 1=UB 2=UB | 3
'''
"""
    machine = loads(text, "tiny.toml")
    assert machine.ops() == ("TADD",)
    assert steps(machine, "TADD", "UB", "UB", "UB") == ["V. 1,2 > 0"]
    assert machine.same_pipe["V", "RAW"] == "warning"
    assert machine.options["exit"] == "auto"


# A model that extends a2a3, then after ! what its author is told; an indented line goes on with the one above.
MALFORMED = r"""
[instructions.TFOO]
pipe = 'MTE4'
! instructions.TFOO.pipe: 'MTE4' is no pipe of a2a3; expected one of {PIPES}

[instructions.TFOO]
pipes = 'V'
! instructions.TFOO.pipes: unknown key; did you mean 'pipe'?

[instructions.TFOO]
reads = [1]
! instructions.TFOO.pipe: missing; expected one of {PIPES}, or steps

[instructions.TFOO]
pipe = 'V'
reads = 3
! instructions.TFOO.reads: 3 is no list of operands; expected for example [1, 2]

[instructions.TFOO]
pipe = 'V'
reads = ['x']
! instructions.TFOO.reads: 'x' is no operand; expected an argument index, hidden:NAME or register:NAME

[instructions.TFOO]
pipe = 'V'
spaces = ['UX']
! instructions.TFOO.spaces: 'UX' is no space of a2a3; expected one of UB L1 L0A L0B L0C BT FB GM

[instructions.TFOO]
pipe = 'V'
reads = [2]
nargs = 2
! instructions.TFOO.nargs: operand 2 is used, but the 2 arguments count from 0

[instructions.TFOO]
pipe = 'V'
nargs = -1
! instructions.TFOO.nargs: -1 is no argument count; expected 3 or [2, 3]

[instructions.TFOO]
pipe = 'V'
flags = ['S-V']
! instructions.TFOO.flags: 'S-V' is no flag; expected for example 'S>V:0'

[instructions.TFOO]
steps = 'V 1'
! instructions.TFOO.steps: 'V 1' is no step; expected 'PIPE reads > writes', 'barrier PIPE' or 'PIPE
  => PIPE'

[instructions.TFOO]
steps = 'V hidden:T > 0'
! instructions.TFOO.steps: 'T' is no hidden scratch of a2a3; expected TMP_UB

[instructions.TFOO]
steps = '!odd'
! instructions.TFOO.steps: 'odd' is no kind of instruction; expected one of instr none vf async sync
  fifo absent

[instructions.TFOO]
like = 'TAD'
! instructions.TFOO.like: no instruction 'TAD'; did you mean 'TAND'?

[instructions.TFOO]
like = 'TFOO'
! instructions.TFOO.like: 'TFOO' is like itself

[[instructions.TFOO]]
pipe = 'V'
[[instructions.TFOO]]
pipe = 'Q'
! instructions.TFOO[1].pipe: 'Q' is no pipe of a2a3; expected one of {PIPES}

[instructions]
TFOO = []
! instructions.TFOO: no variant; expected a table or a list of tables

[instructions]
rows = 'TQ a2a3'
! instructions.rows: 'TQ a2a3' is no row; expected 'operation | machines | steps | …'

[instructions]
rows = 'TQ | a2 | V 1 > 0'
! instructions.rows: 'a2' in 'TQ | a2 | V 1 > 0' is no machine; did you mean 'a2a3'?

[space.UB]
bytes = 3
! space: unknown key; did you mean 'spaces'?

spaces = 3
! spaces: 3 is no table; expected named entries

[spaces.UB]
bytes = '3'
! spaces.UB.bytes: '3' is not a whole number from 0

[spaces.XX]
bytes = 3
! spaces.XX.align: missing; a table of spaces needs bytes align core

[hidden.T]
space = 'UB'
start = 3
stop = 1
! hidden.T.stop: 1 is not behind the start, 3

[options]
acc_stor = 'FIX'
! options.acc_stor: no such option; did you mean 'acc_store'?

[options]
acc_store = 'MTE3'
! options.acc_store: 'MTE3' is no value; expected one of FIX FIX+MTE3

[[flag_pairs]]
core = 'AIC'
pairs = 'M>S'
! flag_pairs[0].status: missing; expected core status pairs

[[flag_pairs]]
core = 'AIC'
status = 'legal'
pairs = 'M-S'
! flag_pairs[0].pairs: 'M-S' is no pair; expected for example 'V>MTE3'

[same_pipe.V]
RAW = 'fatal'
! same_pipe.V.RAW: 'fatal' is no severity; expected one of error warning info off

[same_pipe.W]
RAW = 'error'
! same_pipe: 'W' is no pipe of a2a3; expected one of {PIPES}

[fifo.C2V]
store = 'MTE9'
! fifo.C2V.store: 'MTE9' is no pipe of a2a3; expected one of {PIPES}

[events]
low = 9
! events.high: 7 is below low, 9

[cross]
reserved = [{ low = 3 }]
! cross.reserved[0].high: missing; expected low high
"""


def malformed() -> list[tuple[str, str]]:
    cases = []
    for block in MALFORMED.strip().split("\n\n"):
        text, _, message = block.partition("\n! ")
        cases.append((text, " ".join(message.split("\n  ")).replace("{PIPES}", PIPES)))
    return cases


@pytest.mark.parametrize(("text", "message"), malformed())
def test_malformed_models(text: str, message: str) -> None:
    with pytest.raises(MachineError) as caught:
        loads(A2A3 + text + "\n", "my.toml")
    assert str(caught.value) == f"my.toml: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "a2"', "my.toml: extends: no machine 'a2'; did you mean 'a2a3'?"),
        ('extends = "b.toml"', "my.toml: extends: 'b.toml' cannot be read from here; expected a2a3 or a5"),
        ('extends = "my.toml"', "my.toml: extends: 'my.toml' extends itself"),
        ('name = "x"', 'my.toml: pipes: missing; a model says it or extends one that does (extends = "a2a3")'),
        ("a = = 3", "my.toml: this is not TOML: Invalid value (at line 1, column 5)"),
    ],
)
def test_malformed_files(text: str, message: str) -> None:
    with pytest.raises(MachineError) as caught:
        loads(text, "my.toml")
    assert str(caught.value) == message


def test_the_message_names_the_file_that_is_wrong() -> None:
    with pytest.raises(MachineError, match=re.escape("b.toml: foo: unknown key")):
        loads('extends = "b.toml"', "my.toml", read=lambda path: 'extends = "a5"\nfoo = 3')


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "a2a4",
            {},
            "machine 'a2a4': no such machine; did you mean 'a2a3'? (your own model is a path that ends in .toml)",
        ),
        ("a2a3", {"acc_stre": "FIX"}, "option 'acc_stre': no such option; did you mean 'acc_store'?"),
        ("a2a3", {"acc_store": "MTE3"}, "option acc_store: 'MTE3' is no value; expected one of FIX FIX+MTE3"),
    ],
)
def test_bad_names_and_options(name: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(MachineError) as caught:
        load(name, options=options)
    assert str(caught.value) == message


def test_an_override_without_a_value() -> None:
    with pytest.raises(MachineError, match="option 'lanes': expected name=value"):
        load("a2a3", overrides=["lanes"])
