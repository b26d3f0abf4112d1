"""The benchmark of the live page measures what it says, in small."""

from viz.cli.live_page_benchmark import measure


def test_viewers_are_given_what_is_reported_within_seconds(tmp_path):
    found = measure(tmp_path, 4.0, 2, 60, 4, warm_up_s=3.0)
    assert found["viewers"] == 2
    assert 0 < found["age_p50_s"] <= found["age_p95_s"] < 3.0
    assert 30 < found["observations_per_s"] < 70
    assert found["frames_per_viewer_s"] > 0.5
