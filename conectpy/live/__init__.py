"""Current values in memory: the shared dict, the recent history, the metrics."""
