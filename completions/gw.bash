# bash completion for gw
_gw() {
    local line=$COMP_LINE words=() at=-1 mine=0 i word
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if ((at >= 0)) && [[ -n $word && $line != [[:space:]]* ]]; then
            words[at]+=$word
        elif ((at >= 0)) && [[ -z $word && $line != [[:space:]]* && ${words[at]} == *[:=] && $i -eq $COMP_CWORD ]]; then
            :
        else
            words[++at]=$word
            line=${line#"${line%%[![:space:]]*}"}
        fi
        line=${line#"$word"}
        ((i == COMP_CWORD)) && mine=$at
    done
    local typed=${words[mine]} last=$2
    [[ $last == [:=]* ]] && last=${last#[:=]}
    local before=${typed%"$last"}
    [[ $before == *[:=]* ]] || before=
    local IFS=$'\013'
    COMPREPLY=($(_CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$mine" _CLAP_COMPLETE_COMP_TYPE="$COMP_TYPE" _CLAP_COMPLETE_SPACE=false GW_COMPLETE=bash gw -- "${words[@]}" 2>/dev/null)) || COMPREPLY=()
    if [[ -n $before ]]; then
        for i in "${!COMPREPLY[@]}"; do
            COMPREPLY[i]=${COMPREPLY[i]#"$before"}
        done
    fi
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} != *[=/:] ]]; then
        compopt +o nospace 2>/dev/null
    fi
}
if [[ ${BASH_VERSINFO[0]} -gt 4 || (${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4) ]]; then
    complete -o nospace -o bashdefault -o nosort -F _gw gw
else
    complete -o nospace -o bashdefault -F _gw gw
fi
