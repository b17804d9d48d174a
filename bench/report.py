def main(id): pass
