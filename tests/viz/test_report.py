"""The report: one file that needs nothing else, says what the runs say, and refuses runs that do not belong together."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from study_case import small_event

import sim
from sim.run import Run
from sim.study import compare
from sim.study.crew import Crew
from sim.study.folder import begin
from twin.errors import BadInput
from viz import report
from viz.report import charts, contents, verification, words

LAYOUTS = ("open", "checked", "five", "three", "two", "one")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Six layouts of a short evening, two seeds each."""
    folder = tmp_path_factory.mktemp("report")
    lanes = dict(zip(LAYOUTS, (0, 6, 5, 3, 2, 1), strict=True))
    made = begin(folder / "study", small_event(folder, lanes, people=15, until_s=20, title="An evening & a <square>"))
    made.complete([(name, seed) for name in made.layouts for seed in (1, 2)], Crew(1), frames="first")
    return made


@pytest.fixture(scope="module")
def page(study):
    return report.report([study.path], stills=False)


class Reader(HTMLParser):
    """Opens and closes every tag, and collects addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.texts = [], [], []

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("href", "src") and value]
        if tag not in ("meta", "img", "br", "path", "circle", "rect", "use", "image", "polyline"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.addresses += [value for name, value in attributes if name in ("href", "src") and value]

    def handle_endtag(self, tag):
        if tag in ("path", "circle", "rect", "use", "image", "polyline"):
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_it_stands_alone(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.addresses and all(a.startswith(("data:", "#")) for a in reader.addresses)
    assert "<script" not in page and not re.search(r"url\(|@import", page)
    assert "An evening &amp; a &lt;square&gt;" in page


def test_it_says_what_the_runs_say(page, study):
    for name in LAYOUTS:
        assert f"<h3>{name}" in page
    found = compare(study.run_of("open"), study.run_of("one"), correction="holm")
    row = next(r for r in found.rows if r.key == "access_p50")
    assert f"<td>{contents.readable(row.difference)}</td>" in page
    assert page.count('class="map"') == 12 and page.count('href="#ground"') == 12 and page.count('id="ground"') == 1
    engine = study.about["versions"]["engine"]
    for said in ("What was assumed", "visitors", "uniform 0, 20 s", "constant 6 s", engine, "EPSG:32650"):
        assert said in page, said


def test_both_languages(study):
    chinese = report.report([study.path / "runs" / "open", study.path / "runs" / "two"], language="zh", stills=False)
    for said in ("主要结论", "假设条件", "验证", "运行记录", 'lang="zh-CN"', "安检平均等待"):
        assert said in chinese, said
    assert "What was assumed" not in chinese
    for english, translated in words.table().values():
        assert english and translated
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", translated))
    with pytest.raises(BadInput, match="say en or zh"):
        report.report([study.path], language="fr")


def test_many_layouts_go_into_several_tables():
    assert contents.in_columns(6) == [[0, 1, 2, 3, 4, 5]]
    assert contents.in_columns(9) == [[0, 1, 2, 3, 4, 5], [0, 6, 7, 8]]


def test_the_verification_table_is_read_from_what_verify_writes(tmp_path):
    file = tmp_path / "verification.md"
    file.write_text("# Verification\n\n| suite | pass | fail | not applicable |\n|---|---|---|---|\n| RiMEA | 1 | 1 | 0 |\n\n"
                    "## RiMEA 4.1.1\n\n| test | criterion | measured | result |\n|---|---|---|---|\n"
                    "| 1 corridor | a \\| b | least_s 30 | pass |\n| 2 stairs | up | up 0.5 | fail: known |\n", encoding="utf-8")
    found = verification.find(file)
    assert [(v.suite, v.criterion, v.status) for v in found] == [("RiMEA 4.1.1", "a | b", "pass"), ("RiMEA 4.1.1", "up", "fail")]
    as_json = tmp_path / "v.json"
    as_json.write_text(json.dumps([{"suite": "nist", "test": "1", "criterion": "c", "measured": {"x": 1.0}, "status": "pass",
                                    "reason": ""}]), encoding="utf-8")
    assert verification.find(as_json)[0].suite == "NIST TN 1822"
    (tmp_path / "empty.md").write_text("nothing", encoding="utf-8")
    for wrong in ("empty.md", "absent.md"):
        with pytest.raises(BadInput, match="hutong verify"):
            verification.find(tmp_path / wrong)


def test_runs_that_do_not_belong_together_are_refused_and_nothing_is_written(study, tmp_path):
    other = shutil.copytree(study.path / "runs" / "two", tmp_path / "other")
    info = json.loads((other / "run.json").read_text(encoding="utf-8"))
    info["versions"]["engine"] = "0123456789ab"
    (other / "run.json").write_text(json.dumps(info), encoding="utf-8")
    with pytest.raises(BadInput, match="other by engine 0123456789ab"):
        report.write([study.path / "runs" / "open", other], tmp_path / "r.html", stills=False)
    another = sim.rehearse(small_event(tmp_path, {"open": 0}, duration_s=20), "open", out=tmp_path / "another")
    with pytest.raises(BadInput, match="different"):
        report.write([study.path / "runs" / "open", another.path], tmp_path / "r.html", stills=False)
    with pytest.raises(BadInput, match=r"\.html or \.pdf"):
        report.write([study.path], tmp_path / "r.doc")
    with pytest.raises(BadInput, match="not a run"):
        report.write([tmp_path], tmp_path / "r.html")
    assert not list(tmp_path.glob("r.*")) and not list(tmp_path.glob(".r*"))


def test_a_still_of_the_densest_moment_or_why_there_is_none(study, tmp_path):
    pytest.importorskip("pyvista")
    run = study.run_of("two")
    bare = shutil.copytree(run.path, tmp_path / "bare")
    shutil.rmtree(bare / "frames")
    (bare / "frames").mkdir()
    told = report.report([run.path, bare])
    assert "this run kept no positions" in told
    assert told.count("data:image/jpeg") == 1 or "No picture" in told.split("kept no positions")[0]


def test_the_front_shows_every_layout_that_was_tried():
    points = [{"layout": "A", "values": {"x": 3.0, "y": 1.0}, "front": True, "made": "by hand"},
              {"layout": "s1", "values": {"x": 1.0, "y": 2.0}, "front": True, "made": "search"},
              {"layout": "s2", "values": {"x": 4.0, "y": float("nan")}, "front": False, "made": "search"}]
    drawn = charts.front(points, ["x", "y"], {"x": "peak", "y": "wait"}, link=lambda name: f"/study?layout={name}")
    assert drawn.count("<g data-layout") == 2 and "nan" not in drawn, "what has no number is left out"
    assert 'href="/study?layout=s1"' in drawn and "<rect" in drawn and "peak" in drawn
    assert charts.front([], ["x", "y"], {}) == ""


@pytest.mark.browser
def test_nothing_is_cut_on_paper(study, page, chromium, tmp_path):
    """On A4 no table is wider than the page; rows and figures are kept whole."""
    file = tmp_path / "r.html"
    file.write_text(page, encoding="utf-8")
    context = chromium.new_context(viewport={"width": 695, "height": 1000}, offline=True)  # 210 mm less margins, at 96 dpi
    shown = context.new_page()
    asked = []
    shown.on("request", lambda request: asked.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    shown.goto(file.as_uri())
    shown.emulate_media(media="print")
    wide = shown.evaluate("[...document.querySelectorAll('table,figure,svg')].filter(e => e.id !== 'ground' && "
                          "e.getBoundingClientRect().right > innerWidth + 1).length")
    whole = shown.evaluate("[...document.querySelectorAll('tr,figure')].every(e => getComputedStyle(e).breakInside === 'avoid')")
    heads = shown.evaluate("[...document.querySelectorAll('thead')].every(e => "
                           "getComputedStyle(e).display === 'table-header-group')")
    pictures = shown.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    context.close()
    assert (wide, whole, heads, pictures, asked) == (0, True, True, True, [])
    pdf = tmp_path / "r.pdf"
    report.write([study.path / "runs" / "open", study.path / "runs" / "two"], pdf, stills=False)
    assert pdf.read_bytes().startswith(b"%PDF-") and b"/Type /Page" in pdf.read_bytes()


def test_a_study_folder_of_runs_is_the_same_as_its_runs(study):
    runs, points, ends = report.runs_of([study.path])
    assert [run.layout_name for run in runs] == list(LAYOUTS) and not points and not ends
    assert all(isinstance(run, Run) and run.seeds == [1, 2] for run in runs)
