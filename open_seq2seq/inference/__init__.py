"""From recordings to transcripts with a trained model, whatever asks for them."""
