"""Each way a pack can be wrong is refused with file, line, field and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.pack.load import load_pack
from shared.pack.located import Problem
from tests.support.packs import edit, write_pack


def problems_of(directory: Path) -> list[Problem]:
    pack, problems = load_pack(directory)
    assert (pack is None) == bool(problems)
    return problems


# file, old text, new text, line, field, part of the message
WRONG: list[tuple[str, str, str, int, str | None, str]] = [
    ("district.yaml", "status: Exercise  ", "status: Drill  ", 5, "status", "use Exercise or Actual"),
    ("district.yaml", 'code: "999901"', 'code: "9 9"', 1, "code", "is not a code"),
    ("district.yaml", "timezone: Asia/Shanghai", "timezone: Mars/Olympus", 3, "timezone", "Asia/Shanghai"),
    ("district.yaml", "timezone: Asia/Shanghai", "timezone: Asia", 3, "timezone", "Asia/Shanghai"),
    ("district.yaml", "max_lateness: 7d", "max_lateness: 7 days", 6, "max_lateness", "7d"),
    ("district.yaml", "sender: fengsui-999901@", "sender: fengsui 999901@", 4, "sender", "CAP sender"),
    ("district.yaml", "neighbours: []", "neighbors: []", 7, "neighbors", "is not a key"),
    ("district.yaml", "neighbours: []", "neighbours: [{code: '1'}]", 7, "name", "neighbours.name is missing"),
    ("district.yaml", "name: {zh: 示例区, en: Example District}", "name: 示例区", 2, "name", "must be {zh:"),
    ("district.yaml", "max_lateness: 7d", "status: Actual", 6, "status", "appears twice"),
    ("district.yaml", "max_lateness: 7d", "max_lateness: [7d", 7, None, "is not YAML"),
    ("hazards.csv", "11B03,暴雨", "11 B03,暴雨", 2, "code", "is not an id"),
    (
        "regions.csv",
        "999901101,示例镇,999901,",
        "999901101,示例镇,500114999,",
        3,
        "parent",
        "'500114999' is not a region",
    ),
    ("regions.csv", "999901101,示例镇,999901,", "999901101,示例镇,,", 3, "parent", "only the district has none"),
    ("regions.csv", ",999901101,village", ",999901,village", 4, "parent", "lies in a township"),
    ("regions.csv", ",999901101,village", ",999901101001,village", 4, "parent", "lies in a township"),
    ("regions.csv", "999901101,village", "999901101,hamlet", 4, "level", "use one of district"),
    ("regions.csv", "29.505,108.805,900", "108.805,29.505,900", 4, "lat", "exchanged"),
    ("regions.csv", "29.505,108.805,900", "29.505,,900", 4, "lon", "lat and lon together"),
    ("regions.csv", "900,,演示", "900人,,演示", 4, "population", "is not a whole number"),
    ("regions.csv", "900,,演示", "900,999901101001,演示", 4, "downstream", "the region itself"),
    ("regions.csv", "999901101001,示例村", "9.99901E+11,示例村", 4, "code", "format the column as text"),
    ("regions.csv", "code,name,parent", "code,name,parents", 1, "parent", "rename 'parents'"),
    ("metrics.csv", "rain_mm,mm,interval,0,50", "rain_mm,mm,interval,50,0", 2, "minimum", "not below maximum"),
    ("metrics.csv", "mm,interval", "mm,intervall", 2, "kind", "did you mean interval"),
    ("metrics.csv", "interval,0,50,", "interval,0,nan,", 2, "maximum", "is not a number"),
    ("stations.csv", "rain-02,示例村雨量站", "rain-01,示例村雨量站", 3, "station_id", "already given in line 2"),
    ("stations.csv", "rain,999901101001,", "rain,999901101002,", 3, "region", "is not in regions.csv"),
    ("stations.csv", "29.505,108.805,rain_mm", "29.505,108.805,rain_cm", 3, "metrics", "column 'name'"),
    ("stations.csv", "108.805,rain_mm,300", "108.805,rain_mm,5min", 3, "interval_s", "whole number"),
    ("stations.csv", "108.805,rain_mm,300,,", "108.805,rain_mm,300,60,", 3, "report_s", "below interval_s"),
    (
        "stations.csv",
        "29.505,108.805,rain_mm,300,,999901101",
        "29.505,108.805,rain_mm,300,,nowhere",
        3,
        "serves",
        "no region",
    ),
    (
        "stations.csv",
        "29.505,108.805,rain_mm,300,,999901101",
        "29.505,108.805,rain_mm,300,,a；b",
        3,
        "serves",
        "by ';'",
    ),
    ("stations.csv", "29.505,108.805,rain_mm,", ",,rain_mm,", 3, "lat", "not mobile"),
    ("measures.csv", "region,,11B03", "region,school,11B03", 2, "industry", "leave it empty"),
    ("measures.csv", "industry,school", "industry,", 3, "industry", "names its industry"),
    ("measures.csv", "industry,school", "industry,schol", 3, "industry", "is not in units.csv"),
    ("measures.csv", "site,danger_point,11B03", "site,danger_point,11A01", 4, "hazard", "is not in hazards.csv"),
    (
        "measures.csv",
        "site,danger_point,11B03,red",
        "site,danger_point,11B03,orange",
        4,
        "kind",
        "no row in authority.csv",
    ),
    ("measures.csv", "red,evacuate", "normal,evacuate", 4, "level", "use one of blue"),
    ("measures.csv", ",11B03,red,evacuate", ",11B03,red,leave", 4, "kind", "ban, stop, evacuate, disperse"),
    ("authority.csv", "10,,,HQ-chief,next_signer", "10,,,HQ-chief,issue", 3, "on_expiry", "next_signer"),
    ("authority.csv", "T-head,HQ-deputy,5", "T-heda,HQ-deputy,5", 4, "signer", "is not in roster.csv"),
    ("authority.csv", "T-head,HQ-deputy,5", "T-head,HQ-depty,5", 4, "deputies", "is not in roster.csv"),
    ("authority.csv", "T-head,HQ-deputy,5", "T-head,T-head,5", 4, "deputies", "another post"),
    ("authority.csv", "5,warden,2027-12-31", "5,warden,", 4, "preauthorised_until", "ends on a date"),
    ("authority.csv", "5,warden,2027-12-31", "5,,2027-12-31", 4, "preauthorised_by", "authorised in advance"),
    ("authority.csv", "5,warden,2027-12-31", "5,wardens,2027-12-31", 4, "preauthorised_by", "nor a duty"),
    ("authority.csv", "5,warden,2027-12-31", "5,warden,2027/12/31", 4, "preauthorised_until", "2026-04-20"),
    ("authority.csv", "T-head,HQ-deputy,5", "T-head,HQ-deputy,0", 4, "minutes", "1 to 1440"),
    (
        "roster.csv",
        "3,,HQ-deputy,voice:00000000004",
        "3,,T-deputy,voice:00000000004",
        5,
        "superior",
        "break the circle",
    ),
    ("roster.csv", "HQ-chief,HQ-chief,voice", "HQ-deputy,HQ-chief,voice", 3, "deputy_of", "the post itself"),
    ("roster.csv", "voice:00000000004", "phone:00000000004", 5, "channels", "use one of voice"),
    ("roster.csv", "voice:00000000004", "voice:1.99E+10", 5, "channels", "format the column as text"),
    ("roster.csv", "voice:00000000004", "runner:yes", 5, "channels", "write runner alone"),
    ("roster.csv", "V-head,演示人员006,999901101001", "V-head,演示人员006,1", 7, "region", "is not in regions.csv"),
    ("duties.csv", "V-warden,shelter-01,key", "V-warden,point-01,key", 9, "object", "shelters, warehouses"),
    ("duties.csv", "V-head,T-head,second", "T-head,T-head,second", 6, "object", "the post itself"),
    ("duties.csv", "V-warden,point-01,warden", "V-warden,point-09,warden", 8, "object", "is not known to role warden"),
    ("duties.csv", "V-warden,point-01,warden", "V-warden,point-01,leader", 8, "role", "use one of verifier"),
    ("units.csv", "240,30,0,30,T-deputy", "240,30,0,30,T-nobody", 2, "post", "is not in roster.csv"),
    ("units.csv", ",240,30,0", ",240.5,30,0", 2, "people_day", "is not a whole number"),
    ("sites.csv", "danger_point,999901101001", "danger_point,9", 2, "region", "is not in regions.csv"),
    ("households.csv", "house-002,point-01", "house-002,point-02", 3, "site", "is not in sites.csv"),
    ("households.csv", "3,0,V-warden,shelter-01", "3,4,V-warden,shelter-01", 3, "vulnerable", "more than people"),
    ("households.csv", "3,0,V-warden,shelter-01", "3,0,V-warden,shelter-02", 3, "shelter", "is not in shelters.csv"),
    (
        "households.csv",
        "3,0,V-warden,shelter-01",
        "3,0,V-waiter,shelter-01",
        3,
        "responsible_post",
        "is not in roster.csv",
    ),
    ("shelters.csv", "11B03,V-warden", "11B03,V-key", 2, "key_post", "is not in roster.csv"),
    ("shelters.csv", "400,2.0,200", "400,0,200", 2, "m2_per_person", "is not above 0"),
    ("shelters.csv", "200,true,11B03", "200,maybe,11B03", 2, "accessible", "write true or false"),
    ("warehouses.csv", "29.5,108.8", ",", 2, "lat", "is empty"),
    ("items.csv", "1010100,方便食品", "4010100,方便食品", 2, "item_code", "seven digits"),
    ("items.csv", "L,water,3,", "L,water,3,1019999", 3, "substitutes", "is not in items.csv"),
    ("items.csv", "L,water", "L,drink", 3, "guarantee", "use one of food"),
    ("stock.csv", "warehouse-01,1010200", "warehouse-01,1010300", 3, "item_code", "is not in items.csv"),
    ("stock.csv", "L002,1500", "L002,-5", 3, "quantity", "is not a whole number"),
    ("stock.csv", "L001,300,2027-12-31", "L001,300,2027-02-30", 2, "expires_on", "is not a date"),
    ("callouts.yaml", "    stops: acting\n    together", "\tstops: acting\n    together", 4, None, "is not YAML"),
    ("fuses/rainstorm.yaml", "  coverage: 80%", "  coverage: *all", 15, None, "anchor"),
]


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "field", "message"), WRONG, ids=[f"{w[0]}-{w[4]}-{n}" for n, w in enumerate(WRONG)]
)
def test_a_wrong_cell_is_refused_by_file_line_and_field(
    tmp_path: Path, file: str, old: str, new: str, line: int, field: str | None, message: str
) -> None:
    edit(write_pack(tmp_path), file, old, new)
    found = problems_of(tmp_path)
    assert any(
        problem.file == file and problem.line == line and problem.field == field and message in problem.message
        for problem in found
    ), "\n".join(f"{problem} [{problem.field}]" for problem in found)


def test_the_message_is_the_one_of_the_contract(tmp_path: Path) -> None:
    edit(write_pack(tmp_path), "regions.csv", "999901101,示例镇,999901,", "999901101,示例镇,500114999,")
    assert [str(problem) for problem in problems_of(tmp_path)] == [
        "regions.csv:3: parent '500114999' is not a region; use a code from column 'code' "
        "or leave it empty for the district"
    ]


def test_a_circle_of_superiors_is_told_once(tmp_path: Path) -> None:
    edit(
        write_pack(tmp_path),
        "roster.csv",
        "HQ-chief,演示人员001,999901,1,,,",
        "HQ-chief,演示人员001,999901,1,,V-warden,",
    )
    found = problems_of(tmp_path)
    assert [(problem.file, problem.line, problem.field) for problem in found] == [("roster.csv", 2, "superior")]
    assert "HQ-chief → V-warden" in found[0].message


def test_gbk_is_recognised_and_explained(tmp_path: Path) -> None:
    write_pack(tmp_path)
    path = tmp_path / "hazards.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    (problem,) = [problem for problem in problems_of(tmp_path) if problem.file == "hazards.csv"]
    assert (problem.line, "CSV UTF-8" in problem.message, "GBK" in problem.message) == (2, True, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        ("code,name\n".encode("utf-16"), "UTF-16"),
        (b"code\xff,name\n", "is not UTF-8"),
        (b"code,name_zh,name_en,family\n1,\x00,b,c\n", "NUL"),
        (b'code,name_zh,name_en,family\n1,"a,b,c\n', "is not CSV"),
        (b"code;name_zh;name_en;family\n", "not separated by commas"),
        (b"code,name_zh,name_en,family,code\n", "appears twice"),
        (b"code,name_zh,,name_en,family\n", "has no name"),
        (b"code,name_zh,name_en,family\n11B03,a,b\n", "has 3 cells where the header has 4"),
        (b"code,name_zh,name_en,family\n11B03,a,b,c,d\n", "has 5 cells"),
        (b"code,name_zh,name_en,family\n11B03,a\x01,b,c\n", "control character"),
        (b"code,name_zh,name_en,family\n11B03," + b"a" * 2001 + b",b,c\n", "2001 characters"),
        (b"code,name_zh,name_en,family\n" + b"x,a,b,c\n" * 300, "already given in line 2"),
    ],
)
def test_a_table_that_is_no_table(tmp_path: Path, content: bytes, message: str) -> None:
    write_pack(tmp_path, **{"hazards.csv": content})
    assert message in "\n".join(str(problem) for problem in problems_of(tmp_path) if problem.file == "hazards.csv")


def test_many_problems_are_cut_and_counted(tmp_path: Path) -> None:
    write_pack(tmp_path, **{"hazards.csv": b"code,name_zh,name_en,family\n" + b"x,,,\n" * 300})
    found = problems_of(tmp_path)
    assert len(found) == 201
    assert "more problems" in found[-1].message


@pytest.mark.parametrize("name", ["regions.csv", "callouts.yaml", "fuses/rainstorm.yaml", "district.yaml"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    found = problems_of(write_pack(tmp_path, **{name: None}))
    assert any(name.startswith(problem.file) and problem.line == 1 for problem in found)


def test_a_misspelt_file_is_not_ignored(tmp_path: Path) -> None:
    write_pack(tmp_path, **{"households.csv": None, "household.csv": b"x", "fuses/a.yml": b"- x"})
    assert {problem.file for problem in problems_of(tmp_path)} == {"household.csv", "fuses/a.yml"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("zones.geojson", "{", "is not JSON"),
        ("zones.geojson", "[]", "FeatureCollection"),
        ("zones.geojson", '{"type":"FeatureCollection","features":[1]}', "needs a geometry"),
        ("zones.geojson", "[" * 100_000, "is not"),
        ("zones.geojson", '{"type":"FeatureCollection","features":[{"x":NaN}]}', "NaN"),
        (
            "zones.geojson",
            '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},'
            '"geometry":{"type":"Point","coordinates":[1,1]}}]}',
            "use MultiPolygon or Polygon",
        ),
        (
            "zones.geojson",
            '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"source":"演示数据"},'
            '"geometry":{"type":"Polygon","coordinates":[[[1,1],[2,1],[2,2],[1,2]]]}}]}',
            "not closed",
        ),
        (
            "roads.geojson",
            '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"edge_id":"e1"},'
            '"geometry":{"type":"LineString","coordinates":[[29.5,108.8],[29.5,108.9]]}}]}',
            "exchanged",
        ),
        (
            "roads.geojson",
            '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},'
            '"geometry":{"type":"LineString","coordinates":[[108.8,29.5]]}}]}',
            "edge_id is missing",
        ),
        (
            "roads.geojson",
            '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"edge_id":"e1"},'
            '"geometry":{"type":"LineString","coordinates":[[108.8,29.5]]}}]}',
            "it needs 2",
        ),
    ],
)
def test_geojson_is_checked_as_shapes(tmp_path: Path, name: str, text: str, message: str) -> None:
    found = problems_of(write_pack(tmp_path, **{name: text}))
    assert message in "\n".join(str(problem) for problem in found if problem.file == name)


_ZONE = (
    '{"type":"FeatureCollection","features":[\n{"type":"Feature","properties":{"source":"演示数据",%s},'
    '"geometry":{"type":"Polygon","coordinates":[[[1,1],[2,1],[2,2],[1,1]]]}}\n]}'
)
_ROUTE = (
    '{"type":"FeatureCollection","features":[\n{"type":"Feature","properties":{"source":"演示数据","route_id":"r",%s},'
    '"geometry":{"type":"LineString","coordinates":[[1,1],[2,1]]}}\n]}'
)


@pytest.mark.parametrize(
    ("name", "properties", "field"),
    [
        ("zones.geojson", '"kind":"dangr"', "kind"),
        ("zones.geojson", '"kind":"danger","step":"normal"', "step"),
        ("zones.geojson", '"kind":"danger","hazard":"11A01"', "hazard"),
        ("zones.geojson", '"kind":"danger","hazard":"11B03","region":"9"', "region"),
        ("routes.geojson", '"site":"point-09"', "site"),
        ("routes.geojson", '"shelter":"shelter-09"', "shelter"),
    ],
)
def test_what_a_layer_names_exists(tmp_path: Path, name: str, properties: str, field: str) -> None:
    text = (_ZONE if name == "zones.geojson" else _ROUTE) % properties
    found = problems_of(write_pack(tmp_path, **{name: text}))
    assert [(problem.file, problem.line, problem.field) for problem in found] == [(name, 2, field)]


def test_an_approved_route_must_be_drawn(tmp_path: Path) -> None:
    write_pack(tmp_path, **{"routes.geojson": '{"type":"FeatureCollection","features":[]}'})
    edit(tmp_path, "households.csv", "3,0,V-warden,shelter-01,,", "3,0,V-warden,shelter-01,route-9,")
    assert [(p.file, p.line, p.field) for p in problems_of(tmp_path)] == [("households.csv", 3, "approved_route")]


def test_two_road_networks_are_one_too_many(tmp_path: Path) -> None:
    write_pack(tmp_path, **{"roads.geojson": '{"type":"FeatureCollection","features":[]}', "roads.osm.pbf": "x"})
    assert [problem.file for problem in problems_of(tmp_path)] == ["roads.osm.pbf"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found = problems_of(tmp_path / "nowhere")
    assert "is not a folder" in found[0].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("a: !!int x", "tag"),
        ("a: !!float 1e999", "not a finite number"),
        ("? [a]\n: b", "keys are plain words"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("a: " + "9" * 30, "digits"),
        ("a: \x07", "forbids"),
    ],
)
def test_yaml_is_taken_narrowly(tmp_path: Path, text: str, message: str) -> None:
    found = problems_of(write_pack(tmp_path, **{"cards/x.yaml": text}))
    assert message in "\n".join(str(problem) for problem in found if problem.file == "cards/x.yaml")
