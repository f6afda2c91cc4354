package filter

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd    tokenKind = iota
	tokenWord             // a name or a word of the language
	tokenQuoted           // a name in double quotes
	tokenString           // a text in single quotes
	tokenHex              // bytes, X'…'
	tokenNumber
	tokenSymbol
)

// token is a piece of an expression; text is what quotes hold, without them.
type token struct {
	kind   tokenKind
	text   string
	offset int
}

// is compares with a word of the language or a symbol.
func (t token) is(text string) bool {
	return t.kind == tokenSymbol && t.text == text || t.kind == tokenWord && strings.EqualFold(t.text, text)
}

// symbols, the longer ones first where one begins with another.
var symbols = []string{"<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ",", "."}

// lexer cuts an expression into tokens.
type lexer struct {
	text   string
	offset int
}

func (l *lexer) next() (token, error) {
	rest := l.text[l.offset:]
	l.offset += len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
	rest = l.text[l.offset:]
	switch {
	case rest == "":
		return token{offset: l.offset}, nil
	case rest[0] == '\'':
		return l.quoted(tokenString, 0)
	case rest[0] == '"':
		return l.quoted(tokenQuoted, 0)
	case strings.HasPrefix(rest, "X'"), strings.HasPrefix(rest, "x'"):
		return l.quoted(tokenHex, 1)
	case isNumber(rest):
		return l.take(tokenNumber, numberLen(rest)), nil
	}
	if n := wordLen(rest); n > 0 {
		return l.take(tokenWord, n), nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			return l.take(tokenSymbol, len(s)), nil
		}
	}
	_, size := utf8.DecodeRuneInString(rest)
	return token{}, errorAt(l.text, l.offset, "%s has no meaning here", short(rest[:size]))
}

func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind: kind, text: l.text[l.offset : l.offset+n], offset: l.offset}
	l.offset += n
	return t
}

// quoted reads to the closing quote; a doubled one stands for itself.
func (l *lexer) quoted(kind tokenKind, prefix int) (token, error) {
	start := l.offset
	quote := l.text[start+prefix]
	var text strings.Builder
	for at := start + prefix + 1; at < len(l.text); at++ {
		if l.text[at] != quote {
			text.WriteByte(l.text[at])
			continue
		}
		if at+1 < len(l.text) && l.text[at+1] == quote {
			at++
			text.WriteByte(quote)
			continue
		}
		l.offset = at + 1
		return token{kind: kind, text: text.String(), offset: start}, nil
	}
	return token{}, errorAt(l.text, start, "the quote %c is not closed", quote)
}

func wordLen(text string) int {
	end := strings.IndexFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		return len(text)
	}
	return end
}

// isNumber says whether a number begins here: a sign belongs to it, since the
// language has no arithmetic.
func isNumber(text string) bool {
	for _, lead := range []string{"+-", "."} {
		if text != "" && strings.IndexByte(lead, text[0]) >= 0 {
			text = text[1:]
		}
	}
	return text != "" && isDigit(text[0])
}

func numberLen(text string) int {
	end := 1 // a sign, a point or a digit
	for end < len(text) {
		c := text[end]
		sign := (c == '+' || c == '-') && (text[end-1] == 'e' || text[end-1] == 'E')
		if !sign && c != '.' && c != 'e' && c != 'E' && !isDigit(c) {
			break
		}
		end++
	}
	return end
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
