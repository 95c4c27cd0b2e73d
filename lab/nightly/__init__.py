"""Judge a nightly run by the last green one, and keep a history of the runs.

`.ci/nightly` leaves a folder for each step. `readers` turn the records in it into one form, step ->
case -> outcome (`judge.Run`); `judge` compares two of those by set differences; `history` keeps
what later runs need; `report` shows it.
"""
