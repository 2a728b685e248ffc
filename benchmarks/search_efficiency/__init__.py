"""What a search gets for its epochs: a table of real trainings, recorded once, on which hundreds of searches are replayed.

    python -m benchmarks.search_efficiency record    --table FOLDER [--dataset digits] [--data FOLDER] [--processes 2]
    python -m benchmarks.search_efficiency estimates --table FOLDER
    python -m benchmarks.search_efficiency replay    --table FOLDER [--repeats 24]
    python -m benchmarks.search_efficiency real      --table FOLDER [--repeats 6] [--share 0.2]

from the root of a checkout. docs/search-efficiency.md has what was measured.
"""
