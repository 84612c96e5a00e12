package main

import "fmt"

// errTimes says how often the text to be replaced occurs instead of once.
type errTimes int

func (n errTimes) Error() string { return fmt.Sprintf("the text to replace occurs %d times", int(n)) }
