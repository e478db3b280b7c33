module github.com/rucio-task-manager/rucio-task-manager

go 1.26
