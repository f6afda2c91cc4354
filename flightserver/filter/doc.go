// Package filter selects rows by an expression that a client wrote.
//
//	expression = term { OR term }
//	term       = factor { AND factor }
//	factor     = NOT factor | condition | "(" expression ")"
//	condition  = column                                        which is boolean
//	           | column compare value | value compare column | column compare column
//	           | column [ NOT ] IN "(" value { "," value } ")"
//	           | column [ NOT ] BETWEEN value AND value
//	           | column IS [ NOT ] NULL
//	           | TRUE | FALSE
//	compare    = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
//	column     = name { "." name }                             a field of a struct follows a dot
//	name       = a letter or "_", then letters, digits and "_" | '"' any text, '""' for a quote '"'
//	value      = number | "'" text, "''" for a quote "'" | X'HEX' | TRUE | FALSE
//	           | DATE 'text' | TIME 'text' | TIMESTAMP 'text'
//	           | NULL                                          within IN only
//
// Words of the language are written in any case; columns as they are named.
//
// Parse reads the text, Bind finds its columns in a schema and turns values into
// the columns' types, a Filter is evaluated over records. What a value cannot
// be in its column's type is still compared exactly: an int8 is less than 1000,
// and no whole number is equal to 1.5. Floating point follows IEEE 754: a NaN is
// different from everything and in no order.
//
// The logic has three values, as in SQL: a test of a null is neither true nor
// false, and rows are selected where the whole is true.
//
// Prune tells by what is known of a batch's columns that no row can be selected.
package filter
