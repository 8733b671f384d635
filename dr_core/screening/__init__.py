"""The way of one photograph through the program, and of many: pipeline, batches, visits, jobs."""
