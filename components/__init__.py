"""What runs inside containers: the pets workload, one package a stage. It knows no engine."""
