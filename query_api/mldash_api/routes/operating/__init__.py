"""What operators ask of the pipeline. waiting.py: of Kafka."""
