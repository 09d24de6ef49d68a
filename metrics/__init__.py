"""How it is scored: pAUC above a TPR, clinical operating points, calibration, patient bootstrap."""
