// Prints how the API server's own YAML library, sigs.k8s.io/yaml, reads scalars.
//
// Reads scalars from stdin, one per line as written after "v: ", and prints a JSON array of
// {"source", "json"}: the JSON of the library, or null if it rejects the text. To update the answers:
//
//	go run . < ../../data/scalars.txt > ../../data/scalars.json
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

type answer struct {
	Source string  `json:"source"`
	JSON   *string `json:"json"`
}

func ask(source string) answer {
	converted, err := yaml.YAMLToJSON([]byte("v: " + source + "\n"))
	if err != nil {
		return answer{Source: source}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(converted, &object); err != nil {
		return answer{Source: source}
	}
	text := string(object["v"])
	return answer{Source: source, JSON: &text}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	answers := []answer{}
	for lines.Scan() {
		answers = append(answers, ask(lines.Text()))
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("[")
	for i, a := range answers {
		encoded, _ := json.Marshal(a)
		separator := ","
		if i == len(answers)-1 {
			separator = ""
		}
		fmt.Println(string(encoded) + separator)
	}
	fmt.Println("]")
}
