// Asks Kubernetes' own library, k8s.io/pod-security-admission/policy, whether it lets pods pass: at both levels of the Pod
// Security Standards, at every version from 1.0 to the newest that the library knows, and at latest.
//
//	go run . generate SEED COUNT    COUNT pods made at random from SEED
//	go run . judge FILE...          the pods in files of JSON or YAML, one a file
//	go run . judge -                the pods on stdin, one a line of JSON
//
// Each answer is a line of JSON on stdout: {"pod": {...}, "baseline": "...", "restricted": "..."}. The two texts are hexadecimal
// numbers whose bit N, from the right, says that the pod passes at 1.N; the bit behind the newest version is that of latest.
// The same seed always makes the same pods. The sample that the tests read where there is no Go is
//
//	go run . generate 1 900 > ../../data/verdicts.jsonl
//
// A pod comes to the library as it comes to the admission: decoded by Kubernetes' own decoder, and a volume without a source
// defaulted to an emptyDir. The API server would refuse many of the random pods for other reasons; the verdict is that of the
// Pod Security Standards alone.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"reflect"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// The newest version that a check of the library begins at.
const newest = 37

type answer struct {
	Pod        json.RawMessage `json:"pod"`
	Baseline   string          `json:"baseline"`
	Restricted string          `json:"restricted"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	tell := func(pod []byte) error {
		answer, err := judge(evaluator, pod)
		if err != nil {
			return fmt.Errorf("%w in %s", err, pod)
		}
		return answers.Encode(answer)
	}
	switch {
	case len(args) == 3 && args[0] == "generate":
		return generate(args[1], args[2], tell)
	case len(args) == 2 && args[0] == "judge" && args[1] == "-":
		return eachLine(os.Stdin, tell)
	case len(args) > 1 && args[0] == "judge":
		return eachFile(args[1:], tell)
	}
	return fmt.Errorf("usage: pss generate SEED COUNT | pss judge FILE... | pss judge -")
}

func generate(seed, count string, tell func([]byte) error) error {
	number, err := strconv.ParseInt(seed, 10, 64)
	if err != nil {
		return err
	}
	most, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewSource(number))
	for range most {
		pod, err := json.Marshal(randomPod(random))
		if err != nil {
			return err
		}
		if err := tell(pod); err != nil {
			return err
		}
	}
	return nil
}

func eachLine(in io.Reader, tell func([]byte) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := tell(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func eachFile(paths []string, tell func([]byte) error) error {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		pod, err := yaml.YAMLToJSON(text)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := tell(pod); err != nil {
			return err
		}
	}
	return nil
}

func judge(evaluator policy.Evaluator, text []byte) (answer, error) {
	var pod corev1.Pod
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &pod); err != nil {
		return answer{}, err
	}
	setDefaults(&pod.Spec)
	return answer{
		Pod:        append(json.RawMessage(nil), text...),
		Baseline:   passes(evaluator, api.LevelBaseline, &pod),
		Restricted: passes(evaluator, api.LevelRestricted, &pod),
	}, nil
}

// passes says at which versions the pod passes, a bit each.
func passes(evaluator policy.Evaluator, level api.Level, pod *corev1.Pod) string {
	var bits uint64
	for minor := 0; minor <= newest+1; minor++ {
		version := api.LatestVersion()
		if minor <= newest {
			version = api.MajorMinorVersion(1, minor)
		}
		at := api.LevelVersion{Level: level, Version: version}
		results := evaluator.EvaluatePod(at, &pod.ObjectMeta, &pod.Spec)
		if policy.AggregateCheckResults(results).Allowed {
			bits |= 1 << minor
		}
	}
	return strconv.FormatUint(bits, 16)
}

// setDefaults does what the API server does before admission, as far as a verdict depends on it
// (SetDefaults_Volume in k8s.io/kubernetes/pkg/apis/core/v1).
func setDefaults(spec *corev1.PodSpec) {
	for i := range spec.Volumes {
		if source := &spec.Volumes[i].VolumeSource; reflect.ValueOf(*source).IsZero() {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
}
