"""What an update costs, beside bare matrix products and other libraries.

    contestants    who makes updates, each calling `turn` before every one
    worker         the process that runs one contestant or one task, and measures it
    processes      how such a process is started and told what to do
    updates        the rounds of a case, and the rows of its table
    tasks          what is measured beside updates: import, log Z, ratings and likes
    checking       what early stopping takes, and where dense rows win
    ratings        invented ratings and likes with long tails
    machine        what it runs on: processor, threads, memory, load
    report         the tables as text; `figure` draws the ratios

The command line, with the protocol, is in `__main__`. Packages are imported within
functions, because the memory of a process is part of what is measured.
"""
