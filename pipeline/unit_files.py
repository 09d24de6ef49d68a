"""How the units of a run and their files are called that further rooms of the pipeline read."""

TRAINING, TESTS, STATE = "features.parquet", "test_features.parquet", "state.json"
TRAIN_CNN = "train-cnn"
ENCODERS = "encoders"  # the folder of those that learn nothing
