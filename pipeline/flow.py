"""placeholder"""
def gather(broker, given, inputs): return given
