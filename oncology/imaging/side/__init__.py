"""Side findings measured from masks: lungs, calcium, aorta, liver, bone, muscle."""
