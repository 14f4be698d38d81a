package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// A change sets values at some paths of a pod.
type change map[string]any

// readChanges returns the pod of the first line, and the changes of the others.
func readChanges(in io.Reader) (pod []byte, changes []change, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if pod == nil {
			pod = append([]byte(nil), lines.Bytes()...)
			continue
		}
		var one change
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, nil, fmt.Errorf("%w in %s", err, lines.Text())
		}
		changes = append(changes, one)
	}
	return pod, changes, lines.Err()
}

func eachChange(in io.Reader, answers *json.Encoder) error {
	pod, changes, err := readChanges(in)
	if err != nil {
		return err
	}
	for _, one := range append([]change{{}}, changes...) {
		if err := answerChanged(pod, []change{one}, answers); err != nil {
			return err
		}
	}
	return nil
}

// generate answers about pods with two or three changes each, chosen at random; for every other pod among those that are taken
// by themselves, so that there are enough pods that are taken.
func generate(seed, count string, in io.Reader, answers *json.Encoder) error {
	number, err := strconv.ParseInt(seed, 10, 64)
	if err != nil {
		return err
	}
	most, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	pod, changes, err := readChanges(in)
	if err != nil {
		return err
	}
	var harmless []change
	for _, one := range changes {
		text, err := apply(pod, []change{one})
		if err != nil {
			return err
		}
		if _, refused, _, _ := judge(text); len(refused) == 0 {
			harmless = append(harmless, one)
		}
	}
	random := rand.New(rand.NewSource(number))
	for i := range most {
		from := changes
		if i%2 == 0 {
			from = harmless
		}
		var chosen []change
		for range 2 + random.Intn(2) {
			chosen = append(chosen, from[random.Intn(len(from))])
		}
		if err := answerChanged(pod, chosen, answers); err != nil {
			return err
		}
	}
	return nil
}

func answerChanged(pod []byte, changes []change, answers *json.Encoder) error {
	text, err := apply(pod, changes)
	if err != nil {
		return err
	}
	_, refused, warned, _ := judge(text)
	return answers.Encode(answer{Manifest: text, Refused: refused, Warned: warned})
}

func apply(pod []byte, changes []change) ([]byte, error) {
	var object any
	if err := json.Unmarshal(pod, &object); err != nil {
		return nil, err
	}
	for _, one := range changes {
		for path, value := range one {
			// Another change may have taken away what the path leads through.
			if changed, ok := set(object, strings.Split(path, "."), value); ok {
				object = changed
			}
		}
	}
	return json.Marshal(object)
}

// set returns the value with another value at a path, and whether the path exists. In the steps, a tilde means a dot.
func set(in any, path []string, value any) (any, bool) {
	if len(path) == 0 {
		return value, true
	}
	step := strings.ReplaceAll(path[0], "~", ".")
	switch it := in.(type) {
	case nil:
		return set(map[string]any{}, path, value)
	case map[string]any:
		below, ok := set(it[step], path[1:], value)
		if ok && below == nil {
			delete(it, step)
		} else if ok {
			it[step] = below
		}
		return it, ok
	case []any:
		index, err := strconv.Atoi(step)
		if err != nil || index > len(it) {
			return in, false
		}
		if index == len(it) {
			it = append(it, nil)
		}
		below, ok := set(it[index], path[1:], value)
		it[index] = below
		return it, ok
	}
	return in, false
}

// eachQuantity prints how Kubernetes reads each line: a JSON array of [text, billionths], with null for what is not a quantity.
func eachQuantity(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	separator := "["
	for lines.Scan() {
		pair := []any{lines.Text(), nil}
		if quantity, err := resource.ParseQuantity(lines.Text()); err == nil {
			amount := quantity.AsDec()
			billionths := amount.SetScale(amount.Scale() - 9)
			pair[1] = billionths.String()
		}
		encoded, err := json.Marshal(pair)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n%s", separator, encoded)
		separator = ","
	}
	fmt.Fprintln(out, "\n]")
	return lines.Err()
}
