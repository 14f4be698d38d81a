;;; emacs_test.el --- Tests the server in a real Emacs  -*- lexical-binding: t -*-

;; `run-emacs' starts this file once for eglot and once for lsp-mode.  The tests run the code blocks of editors/emacs/README.md.
;; Nothing sleeps: each check waits for its condition until a timeout.  The tests compare whole files on disk.

;;; Code:

(require 'cl-lib)
(require 'flymake)

(defconst kh-client (intern (getenv "KUBEHARDEN_CLIENT")))
(defconst kh-here (file-name-directory load-file-name))
(defconst kh-timeout 15 "Seconds; only failing checks wait this long.")
(defvar kh-failures 0)

(defun kh-print (format &rest arguments)
  (princ (concat (apply #'format format arguments) "\n") #'external-debugging-output))

(defun kh-equal (what got expected)
  "Compare GOT with EXPECTED and report the result of the check WHAT."
  (if (equal got expected)
      (kh-print "ok - %s %s: %s" kh-client emacs-version what)
    (cl-incf kh-failures)
    (kh-print "not ok - %s %s: %s\n  expected: %S\n  got:      %S" kh-client emacs-version what expected got)))

(defun kh-wait (probe)
  "Call PROBE until it returns non-nil or a timeout passes, and return its last value."
  (let ((end (time-add nil kh-timeout)) value)
    (while (not (or (setq value (funcall probe)) (time-less-p end nil)))
      (accept-process-output nil 0.02))
    value))

(defun kh-eventually (what probe expected)
  "Wait until PROBE returns EXPECTED, and report the result of the check WHAT."
  (let (got)
    (kh-wait (lambda () (equal (setq got (funcall probe)) expected)))
    (kh-equal what got expected)))

;;; README.md

(defun kh-read (file)
  (with-temp-buffer
    (let ((coding-system-for-read 'utf-8-unix)) (insert-file-contents file))
    (buffer-string)))

(defun kh-blocks (heading)
  "Return the Lisp code blocks of README.md below HEADING as strings."
  (with-temp-buffer
    (insert (kh-read (expand-file-name "../../editors/emacs/README.md" kh-here)))
    (goto-char (point-min))
    (re-search-forward (format "^## %s$" heading))
    (let ((end (save-excursion (if (re-search-forward "^## " nil t) (point) (point-max)))) blocks)
      (while (re-search-forward "^```elisp\n\\(\\(?:.*\n\\)*?\\)```$" end t)
        (push (match-string 1) blocks))
      (nreverse blocks))))

(defun kh-run (block)
  (with-temp-buffer
    (insert block)
    (goto-char (point-min))
    (condition-case nil
        (while t (eval (read (current-buffer)) t))
      (end-of-file nil))))

;;; Clients

(setq make-backup-files nil create-lockfiles nil auto-save-default nil
      read-process-output-max (* 1024 1024)
      enable-local-variables :safe
      ;; The unpacked Emacs has no native compiler.
      native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)
(require 'yaml-mode)
(pcase kh-client
  ('eglot
   (require 'eglot)
   (setq eglot-autoshutdown t eglot-sync-connect 10)
   (kh-run (nth 0 (kh-blocks "eglot"))))
  ('lsp
   ;; An installed package autoloads these.
   (mapc #'require '(lsp-mode lsp-completion lsp-diagnostics lsp-headerline lsp-lens lsp-modeline lsp-semantic-tokens))
   (setq lsp-auto-guess-root t lsp-enable-suggest-server-download nil lsp-enable-snippet nil
         lsp-keep-workspace-alive nil
         lsp-session-file (make-temp-name (expand-file-name "session" temporary-file-directory)) lsp-headerline-breadcrumb-enable nil
         lsp-diagnostics-provider :flymake lsp-enable-file-watchers nil)
   (kh-run (nth 0 (kh-blocks "lsp-mode")))))

(defun kh-flush ()
  "Send pending changes to the server.  Emacs does this when idle, but it is never idle in batch mode."
  (pcase kh-client
    ('eglot (eglot--signal-textDocument/didChange))
    ('lsp (run-hooks 'lsp-on-idle-hook))))

(defun kh-connected ()
  (pcase kh-client
    ('eglot (eglot-current-server))
    ('lsp (cl-some (lambda (workspace) (eq (lsp--workspace-status workspace) 'initialized)) (lsp-workspaces)))))

(defun kh-actions ()
  "Return the titles of the code actions at point."
  (pcase kh-client
    ('eglot (mapcar (lambda (action) (plist-get action :title)) (eglot-code-actions (point))))
    ('lsp (mapcar #'lsp:code-action-title (append (lsp-code-actions-at-point) nil)))))

(defun kh-apply-action (title)
  "Apply the code action at point whose title starts with TITLE, using the interactive command."
  (cl-letf (((symbol-function 'completing-read)
             (lambda (_ all &rest _)
               (cl-find-if (lambda (it) (string-prefix-p title it)) (all-completions "" all)))))
    (let ((last-nonmenu-event ?x)) ; a key, so that eglot does not open a popup menu
      (call-interactively (pcase kh-client ('eglot #'eglot-code-actions) ('lsp #'lsp-execute-code-action))))))

(defun kh-settings (profile)
  "Apply the settings of README.md with PROFILE; nil resets them."
  (pcase kh-client
    ('eglot (kh-run (nth 1 (kh-blocks "eglot")))
            (setq-default eglot-workspace-configuration
                          (and profile (plist-put (copy-tree (default-value 'eglot-workspace-configuration))
                                                  :kubeharden (list :profile profile)))))
    ('lsp (setq kubeharden-settings (and profile (list :profile profile))))))

;;; Helpers

(defconst kh-shop (kh-read (expand-file-name "shop.yaml" kh-here)))
(defconst kh-web "          image: registry.example.com/shop/web:2.14.0\n")
(defconst kh-escalation "          securityContext:\n            allowPrivilegeEscalation: false\n")
(defconst kh-all '((18 "spec" "pod lacks 5 hardening settings")
                   (20 "web" "container \"web\" lacks 7 hardening settings")
                   (35 "spec" "pod lacks 5 hardening settings")
                   (37 "queue" "container \"queue\" lacks 7 hardening settings")))

(defun kh-findings ()
  "Return the flymake diagnostics: line, covered text, and message up to its first colon."
  (sort (mapcar (lambda (it)
                  (list (line-number-at-pos (flymake-diagnostic-beg it))
                        (buffer-substring-no-properties (flymake-diagnostic-beg it) (flymake-diagnostic-end it))
                        (let ((text (replace-regexp-in-string "\\`kubeharden[^:]*: " "" (flymake-diagnostic-text it))))
                          (car (split-string text "[:\n]")))))
                (flymake-diagnostics))
        (lambda (a b) (< (car a) (car b)))))

(defmacro kh-with (text &rest body)
  "Run BODY in the buffer of a file with TEXT in a new workspace.  `file' is bound to its path."
  (declare (indent 1))
  `(let* ((folder (make-temp-file "kubeharden" t)) (file (expand-file-name "shop.yaml" folder)) buffer)
     (make-directory (expand-file-name ".git" folder))
     (let ((coding-system-for-write 'utf-8-unix)) (write-region ,text nil file nil 'quiet))
     (unwind-protect
         (with-current-buffer (setq buffer (find-file-noselect file))
           (switch-to-buffer buffer)
           (pcase kh-client ('eglot (eglot--maybe-activate-editing-mode) (unless (eglot-current-server) (apply #'eglot (eglot--guess-contact))))
                            ('lsp (lsp)))
           (or (kh-wait #'kh-connected) (error "The server did not start"))
           (flymake-start)
           ,@body)
       (when (buffer-live-p buffer)
         (with-current-buffer buffer (set-buffer-modified-p nil))
         (kill-buffer buffer))
       (delete-directory folder t))))

(defun kh-bytes (file)
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (insert-file-contents-literally file)
    (decode-coding-string (buffer-string) 'utf-8-unix)))

(defun kh-save (file)
  "Save the buffer and return the content of FILE."
  (let ((inhibit-message t)) (save-buffer))
  (kh-bytes file))

(defun kh-goto (text)
  (goto-char (point-min))
  (search-forward text)
  (goto-char (match-beginning 0)))

;;; Tests

(defun kh-test-findings ()
  (kh-with kh-shop
    (kh-equal "the major mode" major-mode 'yaml-mode)
    (kh-eventually "findings cover the exact text" #'kh-findings kh-all)
    (goto-char (point-min))
    (flymake-goto-next-error 1 nil nil)
    (kh-equal "the next finding is that of the pod" (list (line-number-at-pos) (current-column)) '(18 4))
    (let ((types (mapcar #'flymake-diagnostic-type (flymake-diagnostics))))
      (kh-equal "all findings are warnings" (delete-dups (mapcar (lambda (it) (flymake--lookup-type-property it 'severity)) types))
                (list (warning-numeric-level :warning))))))

(defun kh-test-quick-fixes ()
  (kh-with kh-shop
    (kh-eventually "findings" #'kh-findings kh-all)
    (kh-goto "web\n")
    (kh-equal "the first actions of a container" (seq-take (kh-actions) 3)
              '("Set allowPrivilegeEscalation: false"
                "Add 3 missing settings to container web (2 may break some images)"
                "Drop ALL capabilities (may break some images)"))
    (kh-apply-action "Set allowPrivilegeEscalation: false")
    (kh-equal "a fix changes only its bytes" (kh-save file)
              (string-replace kh-web (concat kh-web kh-escalation) kh-shop))
    (kh-flush)
    (kh-eventually "the finding is resolved" (lambda () (nth 1 (kh-findings)))
                '(22 "securityContext" "container \"web\" lacks 6 hardening settings"))
    (undo-boundary)
    (let ((last-command nil) (inhibit-message t)) (undo))
    (kh-equal "undo reverts the fix" (kh-save file) kh-shop)
    (kh-flush)
    (kh-eventually "undo restores the findings" #'kh-findings kh-all)
    (kh-goto "revisionHistoryLimit")
    (kh-apply-action "Harden Deployment shop")
    (kh-equal "Harden Deployment works anywhere in the Deployment"
              (cl-count "runAsNonRoot: true" (split-string (kh-save file) "\n" t " *") :test #'equal) 1)))

(defun kh-test-syntax-error ()
  (kh-with kh-shop
    (kh-eventually "findings before" #'kh-findings kh-all)
    (kh-goto ": 2\n")
    (delete-char 1)
    (kh-flush)
    (kh-eventually "a line without a colon is marked, and the others stay marked"
                (lambda () (mapcar #'car (kh-findings))) '(10 18 20 35 37))
    (insert ":")
    (kh-flush)
    (kh-eventually "fixing the syntax error restores the findings" #'kh-findings kh-all)
    (kh-equal "the text is unchanged" (kh-save file) kh-shop)))

(defun kh-test-crlf ()
  (kh-with (string-replace "\n" "\r\n" kh-shop)
    (kh-eventually "findings in a file with CRLF" #'kh-findings kh-all)
    (kh-goto "web\n")
    (kh-apply-action "Set allowPrivilegeEscalation: false")
    (kh-equal "a fix keeps CRLF" (kh-save file)
              (string-replace "\n" "\r\n" (string-replace kh-web (concat kh-web kh-escalation) kh-shop)))))

(defun kh-test-settings ()
  (kh-settings "baseline")
  (let ((bad (string-replace kh-web (concat kh-web "          securityContext:\n            privileged: true\n") kh-shop)))
    (kh-with bad
      (kh-eventually "the profile of the settings applies"
                  (lambda () (mapcar #'car (kh-findings))) '(23))))
  (kh-settings nil))

(defun kh-test-fix-on-save ()
  (kh-with kh-shop
    (kh-eventually "findings before saving" #'kh-findings kh-all)
    (goto-char (point-max))
    (insert "# a line\n")
    (kh-equal "without fix on save, saving changes nothing" (kh-save file) (concat kh-shop "# a line\n")))
  (kh-run (car (last (kh-blocks (pcase kh-client ('eglot "eglot") ('lsp "lsp-mode"))))))
  (kh-with kh-shop
    (kh-eventually "findings before saving with fixes" #'kh-findings kh-all)
    (goto-char (point-max))
    (insert "# a line\n")
    (kh-flush)
    (let ((once (kh-save file)))
      (kh-equal "fix on save: all safe fixes are applied"
                once (with-temp-buffer
                       (insert kh-shop "# a line\n")
                       (call-process-region nil nil (getenv "KUBEHARDEN_BIN") t '(t nil) nil "fix" "--quiet" "-")
                       (buffer-string)))
      (set-buffer-modified-p t)
      (kh-equal "fix on save: a second save changes nothing" (kh-save file) once))))

(dolist (test '(kh-test-findings kh-test-quick-fixes kh-test-syntax-error kh-test-crlf kh-test-settings kh-test-fix-on-save))
  (condition-case err
      (funcall test)
    (error (kh-equal (format "%s runs to the end" test) (error-message-string err) ""))))
(kill-emacs (if (= kh-failures 0) 0 1))

;;; emacs_test.el ends here
