-- By which data on numbering plans the phones of `opt_out` were last written anew (`respelling`): one row, once that was done.
CREATE TABLE number_plans (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version TEXT NOT NULL
) STRICT;
