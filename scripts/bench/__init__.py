"""Measurements: figures are printed and kept in `results/`, never asserted in tests.

python -m scripts.bench.applications    keras.applications: differences, seconds, memory
python -m scripts.bench.memory          a 1 GB model: peak memory and time of a conversion
python -m scripts.bench.forward         the converted network's forward time over a hand-written one
python -m scripts.bench.startup         how long `porter --help` and `porter inspect` take to start
"""
