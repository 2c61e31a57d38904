"""What every test stands on."""

import os

# Small models on busy machines: threads that wait for each other by spinning cost more than they
# bring. Set before any library reads it; processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
