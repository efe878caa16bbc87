# shellcheck shell=bash
# JSON for bash, by any awk. All are bytes in, bytes out (LC_ALL=C), so that every awk does the same.

# json POINTER <JSON: the value at a JSON pointer (/tasks/0/id), nothing if there is none. A string is decoded, anything
# else stands as it was written. Keys are compared as they are written, too. Time and memory are linear in the text.
json() {
  WANT=$1 LC_ALL=C awk '
    function space() { while (substr(s, p, 1) ~ /[ \t\r]/) p++ }
    function string(  c, from) { # p is at a quote; afterwards behind its partner
      from = ++p
      while ((c = substr(s, p, 1)) != "\"" && c != "") p += c == "\\" ? 2 : 1
      return substr(s, from, p++ - from)
    }
    function below(here, key) { # the path of a member, or "?" when what we look for cannot be in there
      gsub(/~/, "~0", key); gsub(/\//, "~1", key)
      here = here "/" key
      return index(want "/", here "/") == 1 ? here : "?"
    }
    function value(here,   c, from, n, key) {
      space(); from = p; c = substr(s, p, 1)
      if (c == "\"") {
        c = string()
        if (here == want) { decode(c); exit }
        return
      }
      if (c == "{" || c == "[") {
        p++; space()
        if (substr(s, p, 1) ~ /[]}]/) p++
        else do {
          space()
          if (c == "{") { key = string(); space(); p++ } else key = n++ ""
          value(here == "?" ? here : below(here, key)); space()
        } while (substr(s, p++, 1) == ",")
      } else while (substr(s, p, 1) ~ /[-+.0-9A-Za-z]/) p++
      if (here == want) { printf "%s", substr(s, from, p - from); exit }
    }
    function decode(raw,   n, i, part, c, code, low) { # an escape begins each part but the first
      n = split(raw, part, "\\")
      printf "%s", part[1]
      for (i = 2; i <= n; i++) {
        c = substr(part[i], 1, 1)
        if (c == "") { printf "\\%s", part[++i]; continue } # two backslashes: the next part is plain text
        if (c != "u") { printf "%s%s", (c in plain ? plain[c] : c), substr(part[i], 2); continue }
        code = hex(substr(part[i], 2, 4)); low = hex(substr(part[i + 1], 2, 4))
        if (code >= 55296 && code < 56320 && length(part[i]) == 5 && low >= 56320 && low < 57344) # a pair
          { code = 65536 + (code - 55296) * 1024 + low - 56320; i++ }
        utf8(code); printf "%s", substr(part[i], 6)
      }
    }
    function hex(text,   n, i) { for (i = 1; i <= 4; i++) n = n * 16 + index("123456789abcdef", tolower(substr(text, i, 1))); return n }
    function utf8(n) {
      if (n < 128) printf "%c", n
      else if (n < 2048) printf "%c%c", 192 + int(n / 64), 128 + n % 64
      else if (n < 65536) printf "%c%c%c", 224 + int(n / 4096), 128 + int(n / 64) % 64, 128 + n % 64
      else printf "%c%c%c%c", 240 + int(n / 262144), 128 + int(n / 4096) % 64, 128 + int(n / 64) % 64, 128 + n % 64
    }
    BEGIN { want = ENVIRON["WANT"]; plain["n"] = "\n"; plain["t"] = "\t"; plain["r"] = "\r"; plain["b"] = "\b"; plain["f"] = "\f" }
    { s = s $0 " " } # a raw end of line stands only between tokens
    END { p = 1; value("") }'
}

# json_quoted BEFORE BETWEEN AFTER [COUNT] <TEXT: each line as a JSON string, with something around it. A # in BEFORE is the
# number of the line, COUNT lines having come before. What is no UTF-8 is replaced.
json_quoted() {
  BEFORE=$1 BETWEEN=$2 AFTER=$3 COUNT=${4:-0} LC_ALL=C awk '
    BEGIN {
      for (i = 1; i < 32; i++) escape[sprintf("%c", i)] = sprintf("\\u%04x", i)
      escape["\""] = "\\\""; escape["\\"] = "\\\\"
      for (i = 127; i < 256; i++) high[sprintf("%c", i)]
    }
    {
      before = ENVIRON["BEFORE"]; sub(/#/, ENVIRON["COUNT"] + NR, before)
      printf "%s%s", (NR > 1 ? ENVIRON["BETWEEN"] : ""), before
      for (i = 1; i <= length($0); i++) {
        c = substr($0, i, 1)
        if (c in escape) printf "%s", escape[c]
        else if (!(c in high)) printf "%s", c
        else if (match(substr($0, i, 4), /^(\177|[\302-\337][\200-\277]|\340[\240-\277][\200-\277]|[\341-\354\356\357][\200-\277][\200-\277]|\355[\200-\237][\200-\277]|\360[\220-\277][\200-\277][\200-\277]|[\361-\363][\200-\277][\200-\277][\200-\277]|\364[\200-\217][\200-\277][\200-\277])/))
          { printf "%s", substr($0, i, RLENGTH); i += RLENGTH - 1 }
        else printf "\\ufffd"
      }
      printf "%s", ENVIRON["AFTER"]
    }'
}
json_string() { printf '"%s"' "$(json_quoted '' '\n' '' <<<"$1")"; }
json_list() { printf '"%s"' "$(printf '%s\n' "$@" | json_quoted '' '", "' '')"; }
