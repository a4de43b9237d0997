complete --keep-order --exclusive --command gw --arguments "(GW_COMPLETE=fish gw -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
