kevctl run guest; echo "exit status $?"
./run guest; echo "exit status $?"
