module kubeharden/tests/oracle/removed

go 1.26.8
