"""The settings in force: one owner, and what a change of them is made of."""
