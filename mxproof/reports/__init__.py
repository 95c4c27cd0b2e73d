"""Results for people: the record of a proof, and tables, pages and plots that are made from it."""
