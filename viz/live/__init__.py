"""The live twin, served: its state and feeds, binary positions, reports that come by HTTP, and who may see what of it."""
