"""The OPC UA face: the cell and its machines as companion specifications know them (OPC 40001, 10031-4, 30050).

asyncua is imported here for its server; the client lives in links.
"""
