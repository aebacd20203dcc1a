"""Robot arms behind an OPC UA server that follows OPC 40010-1 Robotics 1.02."""
