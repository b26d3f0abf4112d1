"""The same scene with dash-deck (``pip install hutong[dash-deck]``), for pages that already use it."""

import os

import dash
import dash_deck

import twin
import viz
from sim.place import builtin

deck = viz.deck(twin.open(builtin("xichangan")))
app = dash.Dash(__name__)
app.layout = dash.html.Div(dash_deck.DeckGL(deck.to_json(), id="deck", tooltip=True), style={"height": "100vh"})

if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8051")))
