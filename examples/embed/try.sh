./embed guest; echo "exit status $?"
