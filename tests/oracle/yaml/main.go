// Prints how kubectl reads YAML texts: it splits them into documents, and reads each with
// sigs.k8s.io/yaml, as k8s.io/apimachinery/pkg/util/yaml does.
//
// Reads texts from stdin, one per line as a JSON string, and prints an answer for each: the JSON of its
// documents, or the reason why one is rejected. To update the samples, and to compare many more texts:
//
//	go build -o ../../../target/yaml-oracle . && cd ../../.. && KUBEHARDEN_YAML_ORACLE=$PWD/target/yaml-oracle \
//	  KUBEHARDEN_YAML_ANSWERS=$PWD/tests/data/yaml-answers.jsonl cargo test -p kubeharden-yaml --test it go_yaml
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	splitter "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

type answer struct {
	Documents []json.RawMessage `json:"documents,omitempty"`
	Error     string            `json:"error,omitempty"`
}

func ask(text string) (result answer) {
	// The library panics on some texts.
	defer func() {
		if cause := recover(); cause != nil {
			result = answer{Error: fmt.Sprint(cause)}
		}
	}()
	documents := splitter.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		converted, err := yaml.YAMLToJSON(document)
		if err != nil {
			return answer{Error: err.Error()}
		}
		result.Documents = append(result.Documents, converted)
	}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		encoded, err := json.Marshal(ask(text))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Fprintln(output, string(encoded))
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
