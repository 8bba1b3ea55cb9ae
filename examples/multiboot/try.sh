kevctl inspect kernel | grep '^boot'
kevctl run --memory 8M --append 'verbose root=none' kernel; echo "exit status $?"
