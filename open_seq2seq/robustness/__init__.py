"""What a trained model makes of recordings that are not as its training data were."""
