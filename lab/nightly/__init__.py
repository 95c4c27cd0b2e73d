"""A night's results judged: against the list of expected cases, and against the nights before."""
