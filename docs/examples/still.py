"""Render a picture of a moment of a rehearsal, and the same moment as a pydeck scene for a notebook."""

from pathlib import Path

import sim
import viz
from sim.place import district_of

scenario = sim.load(Path(__file__).parents[2] / "scenarios" / "evening.yaml")
scenario.duration_s = 400
run = sim.rehearse(scenario, layout="A", seed=1)
district = district_of(scenario)

picture = viz.still(district, run, time=390, camera="bird", size=(960, 540), path="still.png")
print(picture.shape, f"{len(run.frames().at(390).ids):,} people in it")

deck = viz.deck(district, run, time=390)
Path("deck.json").write_text(deck.to_json(), encoding="utf-8")  # in a notebook, deck alone shows it
