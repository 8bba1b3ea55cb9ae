insmod tally.ko
kevctl run --hypercalls tally guest; echo "exit status $?"
kevctl run --hypercalls tally guest; echo "exit status $?"
dmesg | grep -o 'tally: .*' | tail -n 2
rmmod tally
kevctl run --hypercalls tally guest; echo "exit status $?"
