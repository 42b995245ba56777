"""Types and instructions of the tile library in C++, one by one."""

from __future__ import annotations

from test_cpp import HEAD, LAST, checked, errors

TILES = """Row a, b;
Tile<TileType::Vec, int32_t, 1, 64> i;
TASSIGN(a, 0x0);
TASSIGN(b, 0x100);
TASSIGN(i, 0x200);
Line g(x);
"""
INDEX = """GlobalTensor<int32_t, Shape<1, 1, 1, 1, 64>, Stride<64, 64, 64, 64, 1>> h((__gm__ int32_t *)x + 4096);
TLOAD(i, h);
"""


def rules(body: str, head: str = HEAD) -> list[str]:
    return sorted({rule for rule, _ in errors(body, head)})


def test_a_gather_drains_v_mte3_and_by_element_also_mte2_before_the_scalar_unit_reads_its_indices() -> None:
    fence = "set_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\nwait_flag(PIPE_MTE2, PIPE_V, EVENT_ID0);\n"
    use = "TADDS(b, a, 1.0f);\n"
    for form in ("MGATHER", "MGATHER<Coalesce::Row>", "MGATHER<Coalesce::Elem, GatherOOB::Clamp>"):
        assert rules(f"{TILES}{INDEX}{fence}{form}(a, g, i);\n{use}{LAST}") == [], form
    assert rules(f"{TILES}{INDEX}MGATHER<Coalesce::Elem>(a, g, i);\n{use}{LAST}") == []
    assert rules(f"{TILES}{INDEX}MGATHER<Coalesce::Row>(a, g, i);\n{use}{LAST}") == ["RAW001"]


def test_a_scatter_waits_for_what_it_stores() -> None:
    load = "TLOAD(a, g);\n"
    for form in ("MSCATTER", "MSCATTER<Coalesce::Elem, ScatterAtomicOp::None>"):
        assert rules(f"{TILES}{INDEX}{load}{form}(g, a, i);\nTADDS(a, a, 1.0f);\n{LAST}") == [], form
    after = "copy_ubuf_to_gm(x + 8192, (__ubuf__ float *)0x200, 0, 1, 8, 0, 0);\nMSCATTER(g, a, i);\nTADDS(i, i, 1);\n"
    assert rules(f"{TILES}{after}{LAST}") == []


def test_a_conv_tile_is_as_large_as_its_shape() -> None:
    kind = "using Map = ConvTile<TileType::Mat, half, 4096, Layout::NC1HWC0, ConvTileShape<1, 2, 4, 16, 16>>;\n"
    flow = "Map m, o;\nTASSIGN(m, 0x0);\nTASSIGN(o, {});\nTEXPANDS(m, 0);\npipe_barrier(PIPE_MTE2);\nTEXPANDS(o, 0);\n"
    assert rules(kind + flow.format("0x1000") + LAST) == []
    at_end = kind + flow.format("0x80000 - 0xf00") + LAST
    assert rules(at_end) == ["MEM001"]


def test_a_type_that_a_condition_chooses() -> None:
    chosen = "using T1 = std::conditional_t<sizeof(float) == {}, Row, Tile<TileType::Mat, float, 16, 16>>;\nT1 a;\n"
    handed = "set_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\nwait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\n"
    use = f"TASSIGN(a, 0x0);\nTEXPANDS(a, 0.0f);\n{handed}"
    store = f"Line g(x);\nTSTORE(g, a);\n{LAST}"
    assert rules(chosen.format(4) + use + store) == []
    assert rules(chosen.format(8) + use + store) != []


def test_a_class_template_of_which_only_specialisations_have_a_body() -> None:
    head = HEAD + (
        "template <typename T, int k> struct Pick;\n"
        "template <typename T> struct Pick<T, 1> { using Type = Tile<TileType::Vec, T, 1, 64>; };\n"
        "template <typename T> struct Pick<T, 2> { using Type = Tile<TileType::Vec, T, 2, 64>; };\n"
    )
    body = "typename Pick<float, 2>::Type a;\nTASSIGN(a, 0x2ff00);\nTEXPANDS(a, 0.0f);\n" + LAST
    assert rules(body, head) == ["MEM001"]
    assert rules(body.replace("Pick<float, 2>", "Pick<float, 1>"), head) == []


GROUP = """Line parts[4];
for (int r = 0; r < 4; ++r) { parts[r] = Line(x + r * 4096); }
comm::ParallelGroup<Line> ranks(parts, 4, 0);
Line g(x + 65536);
"""


def test_a_group_of_ranks_is_read_and_written_through_staging_tiles() -> None:
    tiles = "Row a, b;\nTASSIGN(a, 0x0);\nTASSIGN(b, 0x100);\n"
    for call in (
        "TBROADCAST(ranks, g, a)",
        "TGATHER(ranks, g, a, b)",
        "TSCATTER(ranks, g, a)",
        "TREDUCE(ranks, g, a, b, ReduceOp::Sum)",
    ):
        assert rules(f"{GROUP}{tiles}comm::{call};\n{LAST}") == [], call
    late = f"{GROUP}{tiles}TEXPANDS(a, 0.0f);\ncomm::TBROADCAST(ranks, g, a);\n{LAST}"
    assert rules(late) == ["RAW001", "WAW001"]


def test_all_cores_meet() -> None:
    wait = "SYNCALL<SyncCoreType::Mix>();\n"
    report = checked(wait)
    assert [f.rule for f in report.findings if f.severity == "error"] == []
    assert "SYNCALL 2" in " ".join(report.coverage)
    meet = "SYNCALL<SyncAllMode::Soft>(w, 4);\n"
    soft = f"Line w(x);\nRow a;\nTASSIGN(a, 0x0);\nLine g(x + 4096);\nTEXPANDS(a, 0.0f);\n{meet}TSTORE(g, a);\n"
    assert rules(soft + LAST) == []
    assert rules(soft.replace(meet, "") + LAST) == ["RAW001"]


def test_a_fill_of_l1_by_its_repeat_configuration() -> None:
    fill = "create_cbuf_matrix((__cbuf__ half *)0x0, (static_cast<int64_t>(2) << 16) | 4, 0);\n"
    move = "copy_cbuf_to_gm(x, (__cbuf__ half *){}, 0, 1, 1, 0, 0);\n"
    assert rules(fill + move.format("0x100") + LAST) == []
    assert rules(fill + move.format("0xe0") + LAST) == ["RAW001"]


def test_a_signal_is_an_integer_in_gm() -> None:
    head = HEAD + "struct Queue { int32_t head; int32_t count; };\n"
    wait = "comm::Signal s({});\ncomm::TWAIT(s, 1, comm::WaitCmp::GE);\n"
    for place in ("(__gm__ int32_t *)x", "&((__gm__ Queue *)x)->count"):
        assert rules(wait.format(place) + LAST, head) == [], place
    tile = "Row a;\nTASSIGN(a, 0x0);\nLine g(x);\nTEXPANDS(a, 0.0f);\nset_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\n"
    store = f"{tile}wait_flag(PIPE_V, PIPE_MTE3, EVENT_ID0);\nTSTORE(g, a);\n"
    assert rules(f"{store}{wait.format('(__gm__ int32_t *)x')}{LAST}", head) == ["RAW001", "RNK001"]
