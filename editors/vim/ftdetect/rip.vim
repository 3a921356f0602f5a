autocmd BufNewFile,BufRead *.rip setfiletype rip
