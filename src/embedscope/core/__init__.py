"""Arrays, accumulators, registry, results and cache: what every other package stands on."""
