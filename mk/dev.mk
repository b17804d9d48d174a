# Private server, tests. Filled in below as the tests arrive.
